"""Saving a model as a folder and loading it again, strictly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo_core.config import read_config
from zoo_core.errors import UnknownName, WeightsError, did_you_mean, shown
from zoo_core.files import expanded, is_folder, write_json, write_tensors
from zoo_core.interfaces import FeatureExtractor
from zoo_core.model import Model

WEIGHTS = "model.safetensors"


def save(model: Model, folder: Path) -> Path:
    """Write ``model`` into ``folder``: weights first, so that a config never stands beside missing ones.

    Raises:
        RunError: the folder cannot be written.
    """
    config = model.config
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
    # One entry only: safetensors writes several in any order, and the same model should give the same bytes.
    write_tensors(folder / WEIGHTS, model.published_state(), {"config_sha256": digest})
    write_json(folder / "config.json", config)
    return folder


def load(reference: str | Path, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Model:
    """A saved model: a folder that ``model.save`` or ``zoo train`` wrote.

    Raises:
        UnknownName: nothing is saved there.
        ConfigError, WeightsError: what is there is damaged or of another model.
    """
    from zoo_core.building import build_plan, plan_from_config

    folder = expanded(reference)
    if not is_folder(folder):
        near = [p.name for p in folder.parent.iterdir() if p.is_dir()] if is_folder(folder.parent) else []
        raise UnknownName(
            f"no saved model {shown(reference)!r}: there is no such folder",
            hint=did_you_mean(folder.name, near) or "train one with: zoo train RECIPE --out FOLDER",
        )
    made = plan_from_config(read_config(folder))
    tensors = read_weights(folder / WEIGHTS)
    # The file's own width, where all of it has one; what differs is then told as a difference.
    widths = {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}
    model = build_plan(made, dtype=widths.pop() if len(widths) == 1 else torch.float32)
    restore_weights(model, tensors, set(model.published_state()), str(folder / WEIGHTS))
    return model.to(device=device, dtype=dtype)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file.

    Raises:
        WeightsError: it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as parse

    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        raise WeightsError(
            f"{shown(path)} is missing", hint="the folder holds a config but no weights; save the model again"
        ) from None
    except (OSError, SafetensorError, ValueError) as error:
        raise WeightsError(f"{shown(path)} is damaged: {shown(error)}") from None


def restore_weights(module: nn.Module, tensors: Mapping[str, Tensor], expected: set[str], where: str) -> None:
    """Put ``tensors`` into ``module``, strictly: the names ``expected``, no more and no fewer, each with its shape and dtype.

    Raises:
        WeightsError: with the whole difference.
    """
    own: dict[str, Any] = module.state_dict()
    wrong = [f"missing {name}" for name in sorted(expected - set(tensors))]
    wrong += [f"unexpected {name}" for name in sorted(set(tensors) - expected)]
    for name in sorted(expected & set(tensors)):
        got, want = tensors[name], own[name]
        if got.shape != want.shape or got.dtype != want.dtype:
            wrong.append(f"{name} is {got.dtype} {tuple(got.shape)}, expected {want.dtype} {tuple(want.shape)}")
    if wrong:
        more = f" … and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        raise WeightsError(
            f"{shown(where)} does not fit the model: {shown('; '.join(wrong[:8]), 900)}{more}", differences=wrong
        )
    module.load_state_dict(dict(tensors), strict=False)


def load_part(part: nn.Module, folder: Path, name: str) -> None:
    """Weights of the part ``name`` of the model saved in ``folder`` into ``part``.

    A feature extractor drops the modules after its last asked layer, and may so need fewer weights than were saved.

    Raises:
        WeightsError: with the whole difference.
    """
    prefix = f"parts.{name}."
    tensors = {
        key.removeprefix(prefix): t for key, t in read_weights(folder / WEIGHTS).items() if key.startswith(prefix)
    }
    expected = set(part.state_dict())
    if isinstance(part, FeatureExtractor):
        tensors = {key: tensor for key, tensor in tensors.items() if key in expected}
    restore_weights(part, tensors, expected, str(folder / WEIGHTS))
