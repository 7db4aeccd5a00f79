"""Saving a model as a folder and loading it again, strictly."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from zoo_core.building.migration import names_today
from zoo_core.errors import WeightsError, ZooError, shown
from zoo_core.model import Model
from zoo_core.storage.config import read_config
from zoo_core.storage.files import write_json
from zoo_core.tensors.assign import assign_weights, check_fit
from zoo_core.tensors.meta import MetaInit, NoInit, bounded, left_on_meta, needs_memory
from zoo_core.tensors.reader import SavedWeights, open_weights
from zoo_core.tensors.writer import write_weights

_log = logging.getLogger("zoo_core")


def save(model: Model, folder: Path, *, max_shard_size: int | str = "5GB") -> Path:
    """Write ``model`` into ``folder``: weights first, so that a config never stands beside missing ones.

    Raises:
        RunError: the folder cannot be written.
    """
    config = model.config
    write_weights(folder, model.published_state(), config_digest(config), max_shard_size)
    write_json(folder / "config.json", config)
    return folder


def config_digest(config: Mapping[str, Any]) -> str:
    """sha256 of a config; it stands in the header of the weights that belong to it."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def load(
    reference: str | Path,
    *,
    revision: str | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    mmap: bool | None = None,
    allow_external: bool = True,
) -> Model:
    """A saved model.

    Arguments:
        reference: a folder that ``model.save`` or ``zoo train`` wrote, a name from the catalogue
            (``"discreg-vae-digits"``), or a Hub repository (``"org/name"``, ``"org/name@v1.0"``, ``"hf:org/name"``).
        revision: a branch, tag or commit of the repository.
        device, dtype: where the weights go and how wide they become.
        mmap: leave the weights in the file, mapped into memory, until they are used. Who rewrites the file then changes the
            model, so None maps only what lies in the Hub's cache, where files never change.
        allow_external: False refuses a model that takes weights of a part from a second repository.

    Raises:
        UnknownName: nothing is saved there.
        PluginMissing: it needs a plugin that is not installed.
        ConfigError, WeightsError: what is there is damaged or of another model.
        HubError: the Hub cannot be reached, or does not give it.
    """
    from zoo_core.hub.reference import locate

    found = locate(reference, revision=revision)
    model = load_folder(
        found.folder, mmap=found.immutable if mmap is None else mmap, allow_external=allow_external, where=found.label
    )
    return model.to_device(device, dtype)


def load_folder(folder: Path, *, mmap: bool = False, allow_external: bool = True, where: str = "") -> Model:
    """The model saved in ``folder``, on the CPU and as wide as it was saved; see :func:`load`."""
    from zoo_core.building.builder import plan_from_config
    from zoo_core.hub.announce import announce_external
    from zoo_core.hub.requirements import refuse_missing

    config = read_config(folder)
    where = where or str(folder)
    refuse_missing(config, where)
    announce_external(config, where, allowed=allow_external)
    made = plan_from_config(config)
    saved = open_weights(folder).with_names(names_today(config))
    # The file's own width, where all of it has one; what differs is then told as a difference.
    widths = {info.dtype for info in saved.tensors.values() if info.dtype and info.dtype.is_floating_point}
    width = widths.pop() if len(widths) == 1 else torch.float32
    with bounded(len(saved.tensors), saved.elements):
        return _filled(made, saved, width, mmap)


def _filled(made: Any, saved: SavedWeights, width: torch.dtype, mmap: bool) -> Model:
    """The plan's model with the saved weights: given to a skeleton where all of it stays one, else copied into an ordinary one."""
    from zoo_core.building.builder import build_plan

    try:
        skeleton = build_plan(made, device=None, dtype=width, making=MetaInit())
    except (ZooError, RuntimeError, TypeError) as error:
        # Some nets compute with their first weights and cannot be built without memory. What is wrong otherwise is wrong there too,
        # and must not be tried with memory: a config from a stranger could ask for any amount of it.
        if not needs_memory(error):
            raise
        _log.debug("no skeleton: %s", error)
    else:
        check_fit(skeleton, saved.tensors, skeleton.published_state(), saved.where)
        assign_weights(skeleton, saved.read(mapped=mmap))
        if not left_on_meta(skeleton):
            return skeleton
    model = build_plan(made, device=None, dtype=width, making=NoInit())
    check_fit(model, saved.tensors, model.published_state(), saved.where)
    model.load_state_dict(saved.read(mapped=True), strict=False)  # held against it just now
    return model


def verify_folder(folder: Path) -> None:
    """Hold the weights in ``folder`` against its config: every tensor read, the digest of the config compared.

    Raises:
        ConfigError, WeightsError: something does not belong together.
    """
    saved = open_weights(folder)
    config = read_config(folder)
    digest = saved.about.get("config_sha256")
    if digest is not None and digest != config_digest(config):
        raise WeightsError(
            f"{shown(folder / 'config.json')} is not the config that these weights were saved with",
            hint="one of the two files was changed or exchanged",
        )
    load_folder(folder)
