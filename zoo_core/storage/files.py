"""Atomic writes: a file is there whole, or not at all."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from zoo_core.errors import RunError, shown

_SUFFIX = ".zoo-tmp"
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}" + re.escape(_SUFFIX), re.DOTALL)
"""The names of :func:`replacing`'s temporary files: by these alone are they told from somebody else's files."""


def expanded(path: str | Path) -> Path:
    """``path`` with its ``~`` put in full.

    Raises:
        RunError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise RunError(f"{shown(path)}: there is no such home folder", hint="write the path in full") from None


def is_file(path: Path) -> bool:
    """True for a file that is there; False, and no error, for a name that the system cannot have."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """True for a folder that is there; False, and no error, for a name that the system cannot have."""
    try:
        return path.is_dir()
    except OSError:
        return False


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed writes of :func:`replacing` have left in ``folder``, and no others."""
    for stale in folder.glob(f".*{_SUFFIX}"):
        if _TEMPORARY.fullmatch(stale.name) and stale.is_file():
            stale.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, atomically.

    Raises:
        RunError: the folder cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path``, for the block to write: then flushed to disk and put in ``path``'s place.

    Raises:
        RunError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_SUFFIX)
    except OSError as error:
        raise RunError(
            f"{shown(path)} cannot be written: {shown(error.strerror or error)}",
            hint="choose another folder with --out",
        ) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise RunError(
            f"{shown(path)} cannot be written: {shown(error.strerror or error)}", hint="is the disk full?"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as strict JSON, atomically."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def plain_copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``tensors`` as safetensors takes them: copies on the CPU, for it refuses tensors that share memory, and views must not drag
    their base along."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write ``tensors`` as a safetensors file, atomically.

    Raises:
        RunError: the folder cannot be written.
    """
    write_plain(path, plain_copies(tensors), metadata)


def write_plain(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors that :func:`plain_copies` gave; see :func:`write_tensors`."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        try:
            save_file(dict(tensors), temporary, dict(metadata))
        except SafetensorError as error:
            raise OSError(str(error)) from error
