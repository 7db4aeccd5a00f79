"""Saved weights, opened: what the headers say, before any tensor is read."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from zoo_core.errors import WeightsError, shown
from zoo_core.tensors.writer import FORMAT, HEADER_KEY, INDEX, WEIGHTS

LARGEST_INDEX = 10_000_000
LARGEST_HEADER = 10_000_000
"""Bytes of names, shapes and places: room for a hundred thousand tensors, and read in well under a second."""
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
    "C64": torch.complex64, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
}  # fmt: skip


@dataclass(frozen=True)
class TensorInfo:
    """What a header says of one tensor.

    Arguments:
        dtype: as torch has it; None for one that torch does not know.
        shape: its shape.
        file: the file that holds it.
    """

    dtype: torch.dtype | None
    shape: tuple[int, ...]
    file: str

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


@dataclass(frozen=True)
class SavedWeights:
    """The weights in a folder.

    Arguments:
        folder: where they are.
        files: the safetensors files, in order.
        tensors: name to what its header says.
        about: our entry of the metadata: ``format``, ``config_sha256`` and, where there are any, ``ties`` (further name to the
            name under which the tensor stands in the file).
        renamed: name in the file to the name that it has today, where a component has changed names since.
    """

    folder: Path
    files: tuple[str, ...]
    tensors: Mapping[str, TensorInfo]
    about: Mapping[str, Any] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)

    def with_names(self, today: Callable[[str], str]) -> SavedWeights:
        """The same with the names that ``today`` gives for those of the file."""
        renamed = {name: today(name) for name in self.tensors}
        tensors = {renamed[name]: info for name, info in self.tensors.items()}
        return replace(self, tensors=tensors, renamed=renamed)

    @property
    def where(self) -> str:
        """The file to name in messages."""
        return str(self.folder / (self.files[0] if len(self.files) == 1 else INDEX))

    @property
    def all_files(self) -> tuple[str, ...]:
        """Every file that the model consists of, the config last: a folder with a config is whole."""
        return (*self.files, *([INDEX] if len(self.files) > 1 else []), "config.json")

    @property
    def elements(self) -> int:
        """How many numbers they hold."""
        return sum(info.count for info in self.tensors.values())

    @property
    def ties(self) -> Mapping[str, str]:
        """Further name to first name, of tensors that stand in the file once."""
        ties: Mapping[str, str] = self.about.get("ties", {})
        return {self.renamed.get(alias, alias): self.renamed.get(name, name) for alias, name in ties.items()}

    def read(self, *, mapped: bool = False) -> dict[str, Tensor]:
        """Every tensor.

        Arguments:
            mapped: leave them in the file, mapped into memory: instant, but whoever rewrites the file changes the tensors, and
                whoever shortens it kills the process. False copies.

        Raises:
            WeightsError: a file is gone or damaged.
        """
        tensors: dict[str, Tensor] = {}
        for file in self.files:
            tensors |= read_tensors(self.folder / file, mapped=mapped)
        return {self.renamed.get(name, name): tensor for name, tensor in tensors.items()}


def open_weights(folder: Path) -> SavedWeights:
    """The weights saved in ``folder``: ``model.safetensors``, or the shards that the index lists.

    Raises:
        WeightsError: missing, damaged, or an index that does not fit its shards.
    """
    if (folder / WEIGHTS).is_file() or not (folder / INDEX).is_file():
        return SavedWeights(folder, (WEIGHTS,), *read_header(folder / WEIGHTS))
    index = read_index(folder / INDEX)
    files = tuple(sorted(set(index.values())))
    tensors: dict[str, TensorInfo] = {}
    about: dict[str, Any] = {}
    for file in files:
        found, about = read_header(folder / file)
        astray = [name for name in found if index.get(name) != file]
        if astray:
            raise WeightsError(
                f"{shown(folder / INDEX)} does not say that {shown(file)} holds {shown(', '.join(astray[:3]))}"
            )
        tensors |= found
    lost = [name for name in index if name not in tensors]
    if lost:
        raise WeightsError(f"{shown(folder / INDEX)} lists {shown(', '.join(lost[:3]))}, which its shards do not hold")
    return SavedWeights(folder, files, tensors, about)


def read_tensors(path: Path, *, mapped: bool = False) -> dict[str, Tensor]:
    """Every tensor of one file; see :meth:`SavedWeights.read`.

    Raises:
        WeightsError: it is missing or damaged.
    """
    with _opened(path, backend="mmap" if mapped else "pread") as handle:
        tensors: dict[str, Tensor] = handle.get_tensors()
    return tensors


def read_file(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Every tensor of one file, copied, and its header's metadata.

    Raises:
        WeightsError: it is missing or damaged.
    """
    with _opened(path, backend="pread") as handle:
        tensors: dict[str, Tensor] = handle.get_tensors()
        return tensors, handle.metadata() or {}


def read_index(path: Path) -> dict[str, str]:
    """Tensor name to shard, from an index file.

    Raises:
        WeightsError: it is none, or names files that no shard is called.
    """
    from zoo_core.errors import ConfigError
    from zoo_core.storage.config import parse, read_small

    try:
        table = parse(read_small(path, LARGEST_INDEX), str(path))
    except (OSError, ValueError, ConfigError) as error:
        raise WeightsError(f"{shown(path)} cannot be read: {shown(error, 300)}") from None
    return check_index(table, str(path))


def check_index(table: Any, where: str) -> dict[str, str]:
    """The ``weight_map`` of a parsed index file; see :func:`read_index`."""
    weight_map = table.get("weight_map") if isinstance(table, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise WeightsError(f"{shown(where)} has no table weight_map")
    for file in weight_map.values():
        # Names of our own making only: a path here could point anywhere.
        if not isinstance(file, str) or _SHARD.fullmatch(file) is None:
            raise WeightsError(f"{shown(where)}: no shard can be called {shown(file)!r}")
    return weight_map


def read_header(path: Path) -> tuple[dict[str, TensorInfo], dict[str, Any]]:
    """What the header of one file says, and our entry of its metadata; no tensor is read.

    Raises:
        WeightsError: the file is missing or damaged, or was written in a newer format.
    """
    with _opened(path, backend="pread") as handle:
        names: Iterable[str] = handle.keys()
        slices = {name: handle.get_slice(name) for name in names}
        tensors = {
            name: TensorInfo(DTYPES.get(part.get_dtype()), tuple(part.get_shape()), path.name)
            for name, part in slices.items()
        }
        return tensors, header_entry(handle.metadata() or {}, str(path))


def header_entry(metadata: Mapping[str, str], where: str) -> dict[str, Any]:
    """Our entry of a header's metadata, checked; empty for a file that others wrote.

    Raises:
        WeightsError: it is damaged, or of a newer format.
    """
    if HEADER_KEY not in metadata:
        return {}
    try:
        about = json.loads(metadata[HEADER_KEY])
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or not isinstance(about.get("format"), int):
        raise WeightsError(f"{shown(where)} is damaged: its header's {HEADER_KEY} is no table with a format")
    if about["format"] > FORMAT:
        raise WeightsError(
            f"{shown(where)} has format {shown(about['format'])}, this zoo_core reads up to {FORMAT}",
            hint="update it: pip install -U zoo-core",
        )
    ties = about.get("ties", {})
    if not isinstance(ties, dict) or not all(isinstance(name, str) for name in ties.values()):
        raise WeightsError(f"{shown(where)} is damaged: its header's ties are no table of names")
    return about


def _check_size(path: Path) -> None:
    """Refuse what is no file (a pipe would block), and a header too large to be looked at.

    Raises:
        OSError, ValueError: with the reason.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is no file")
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if header > LARGEST_HEADER:
        raise ValueError(f"its header claims {header:,} bytes, more than {LARGEST_HEADER:,}")


@contextmanager
def _opened(path: Path, *, backend: Literal["mmap", "pread"]) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        _check_size(path)
        with safe_open(path, framework="pt", device="cpu", backend=backend) as handle:
            yield handle
    except FileNotFoundError:
        raise WeightsError(
            f"{shown(path)} is missing", hint="the folder holds a config but no weights; save the model again"
        ) from None
    except (OSError, SafetensorError, ValueError, OverflowError, RuntimeError) as error:
        raise WeightsError(f"{shown(path)} is damaged: {shown(error)}") from None
