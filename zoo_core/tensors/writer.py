"""Writing weights into a folder: one safetensors file, or shards with an index."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from zoo_core.storage.files import write_json, write_tensors
from zoo_core.tensors.ties import tied_names

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
HEADER_KEY = "zoo_core"
"""The one entry of the header's metadata, JSON: safetensors writes several in any order, and the same model should give the same
bytes."""
FORMAT = 1


def write_weights(
    folder: Path, state: Mapping[str, Tensor], config_sha256: str, max_shard_size: int | str = "5GB"
) -> list[str]:
    """Write ``state`` into ``folder``, atomically, and remove what an earlier layout left there.

    Arguments:
        config_sha256: digest of the config that belongs to these weights; it stands in every header.
        max_shard_size: bytes, or a text such as ``"200MB"``; more than that is split into shards.

    Returns:
        the names of the files written, in order.

    Raises:
        RunError: the folder cannot be written.
    """
    ties = tied_names(state)
    kept = {name: tensor for name, tensor in state.items() if name not in ties}
    header = {"format": FORMAT, "config_sha256": config_sha256, **({"ties": ties} if ties else {})}
    metadata = {HEADER_KEY: json.dumps(header, sort_keys=True)}
    total = sum(tensor.numel() * tensor.element_size() for tensor in kept.values())
    if total <= _bytes(max_shard_size):
        write_tensors(folder / WEIGHTS, kept, metadata)
        written = [WEIGHTS]
    else:
        from huggingface_hub import split_torch_state_dict_into_shards

        plan = split_torch_state_dict_into_shards(
            {name: tensor.detach() for name, tensor in kept.items()},
            filename_pattern="model{suffix}.safetensors",
            max_shard_size=max_shard_size,
        )
        for file, names in plan.filename_to_tensors.items():
            write_tensors(folder / file, {name: kept[name] for name in names}, metadata)
        written = list(plan.filename_to_tensors)
        if len(written) > 1:
            parameters = sum(tensor.numel() for tensor in kept.values())
            about = {"total_size": total, "total_parameters": parameters, HEADER_KEY: metadata[HEADER_KEY]}
            write_json(folder / INDEX, {"metadata": about, "weight_map": plan.tensor_to_filename})
            written.append(INDEX)
    for stale in {*folder.glob("model-*-of-*.safetensors"), folder / WEIGHTS, folder / INDEX}:
        if stale.name not in written:
            stale.unlink(missing_ok=True)
    return written


def _bytes(size: int | str) -> int:
    """``"200MB"`` to 200,000,000, as huggingface_hub reads it."""
    if isinstance(size, int):
        return size
    from zoo_core.errors import SettingError, shown

    text = size.strip().upper()
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if text.endswith(unit) and text.removesuffix(unit).strip().isdigit():
            return int(text.removesuffix(unit)) * factor
    raise SettingError(f"max_shard_size: {shown(size)!r} is no size", hint='e.g. "200MB" or "5GB"')
