"""Weights of frozen extractors: safetensors from the Hub, from a file, or from this package. Nothing is unpickled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor, nn

from zoo_core.errors import HubError, WeightsError, shown
from zoo_core.hub import refuse_local_file

Weights: TypeAlias = str | dict[str, str] | None
"""``"default"`` (the published ones), None (random), a path to a safetensors file, ``hf:org/name[@revision]``, or a reference as a
saved config has it."""


@dataclass(frozen=True)
class Published:
    """Where a net's published weights are: a file of a Hub repository, or of this package.

    Arguments:
        repo: ``org/name``; empty for a file of this package.
        file: its name.
        revision: a branch, tag or commit.
    """

    repo: str
    file: str = "model.safetensors"
    revision: str = "main"


def fetch(
    weights: Weights, default: Published | None, who: str
) -> tuple[dict[str, Tensor] | None, dict[str, str] | None]:
    """The tensors that ``weights`` names, and a reference for the config where they are published.

    Arguments:
        weights: see :data:`Weights`.
        default: what ``"default"`` means; None where nothing is published as safetensors.
        who: the component's name, for messages.

    Returns:
        (None, None) for random weights; (tensors, None) for a file; (tensors, reference) for published ones.

    Raises:
        WeightsError: missing, damaged, offline, or not what the reference says.
    """
    if weights is None:
        return None, None
    if isinstance(weights, Mapping):
        return _referenced(weights, who)
    if weights == "default":
        if default is None:
            raise WeightsError(
                f"{who} has no published safetensors weights",
                hint="give weights=None (random), or a path to a .safetensors file",
            )
        return _published(default, who)
    if weights.startswith("hf:"):
        repo, _, revision = weights.removeprefix("hf:").partition("@")
        return _published(Published(repo, revision=revision or "main"), who)
    refuse_local_file(weights)
    path = Path(weights).expanduser()
    if not path.is_file():
        raise WeightsError(
            f"{who}: there is no file {shown(weights)!r}",
            hint='weights= takes a path to a .safetensors file, "default", None or hf:org/name',
        )
    return _parse(path.read_bytes(), str(path)), None


def _published(source: Published, who: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not source.repo:
        content = files("zoo_features").joinpath("weights", source.file).read_bytes()
        return _parse(content, source.file), {
            "package": "zoo-features",
            "file": source.file,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    path, commit = _download(source.repo, source.file, source.revision, who)
    content = path.read_bytes()
    reference = {
        "repo": source.repo,
        "commit": commit,
        "file": source.file,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return _parse(content, f"{source.repo}/{source.file}"), reference


def _referenced(reference: Mapping[str, Any], who: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What a saved config refers to, held against its digest."""
    keys = set(reference)
    if keys == {"package", "file", "sha256"} and reference["package"] == "zoo-features":
        name = str(reference["file"])
        resource = files("zoo_features").joinpath("weights", name)
        if "/" in name or "\\" in name or not resource.is_file():
            raise WeightsError(
                f"{who}: zoo-features has no weights {shown(name)!r}", hint="pip install -U zoo-features"
            )
        content, where = resource.read_bytes(), name
    elif keys == {"repo", "commit", "file", "sha256"}:
        path, _ = _download(str(reference["repo"]), str(reference["file"]), str(reference["commit"]), who)
        content, where = path.read_bytes(), f"{reference['repo']}/{reference['file']}"
    else:
        raise WeightsError(f"{who}: a weights reference has repo, commit, file and sha256, got {shown(sorted(keys))}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != reference["sha256"]:
        raise WeightsError(
            f"{who}: {shown(where)} has sha256 {digest}, the config says {shown(reference['sha256'])}",
            hint="the file was changed after the model was saved; it is not loaded",
        )
    return _parse(content, where), {str(k): str(v) for k, v in reference.items()}


def _download(repo: str, file: str, revision: str, who: str) -> tuple[Path, str]:
    """The file in the Hub's cache (fetched if need be), and its commit."""
    from zoo_core.hub import fetch_file

    try:
        return fetch_file(repo, file, revision)
    except HubError as error:
        raise WeightsError(
            f"{who}: its weights: {error}",
            hint=f'or give weights=PATH to a .safetensors file, or build {who} with random ones: {{"name": "{who}", "weights": None}} '
            "(on the command line null for None)",
        ) from None


def _parse(content: bytes, where: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except (SafetensorError, ValueError) as error:
        raise WeightsError(f"{shown(where)} is no safetensors file: {shown(error)}") from None


def load_into(
    net: nn.Module,
    tensors: Mapping[str, Tensor],
    who: str,
    *,
    ignored: tuple[str, ...] = (),
    heads: tuple[str, ...] = (),
) -> bool:
    """Put ``tensors`` into ``net``, strictly.

    Arguments:
        ignored: prefixes of tensors that ``net`` does not have because what lies after the last asked layer is dropped.
        heads: prefixes of tensors that keep their first values where ``tensors`` has others than they are: a head for other classes.

    Returns:
        Whether the heads kept theirs.

    Raises:
        WeightsError: with the whole difference.
    """
    own = net.state_dict()
    head = [name for name in own if name.startswith(heads or ("\0",))]
    fresh = any(name not in tensors or tensors[name].shape != own[name].shape for name in head)
    if fresh:
        own = {name: t for name, t in own.items() if name not in head}
        tensors = {name: t for name, t in tensors.items() if not name.startswith(heads)}
    given = {name: t for name, t in tensors.items() if name in own or not name.startswith(ignored or ("\0",))}
    # Files from before torch 0.4.1 do not have the counter of batch norm, which only a momentum of None reads.
    wrong = [f"missing {name}" for name in own if name not in given and not name.endswith("num_batches_tracked")]
    wrong += [f"unexpected {name}" for name in sorted(given) if name not in own]
    wrong += [
        f"{name} is {tuple(given[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own
        if name in given and given[name].shape != own[name].shape
    ]
    if wrong:
        more = f" … and {len(wrong) - 6} more" if len(wrong) > 6 else ""
        raise WeightsError(f"the weights do not fit {who}: {shown('; '.join(wrong[:6]), 700)}{more}", differences=wrong)
    net.load_state_dict(given, strict=False)  # told apart above
    return fresh
