"""Atomic writes: a file is there whole, or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from zoo_core.errors import RunError, shown


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
    """Remove the temporary files that killed writes have left in ``folder``."""
    for stale in folder.glob(".*.tmp"):
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
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
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


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write ``tensors`` as a safetensors file, atomically.

    Raises:
        RunError: the folder cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    # Copies: safetensors refuses tensors that share memory, and views must not drag their base along.
    plain = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        try:
            save_file(plain, temporary, dict(metadata))
        except SafetensorError as error:
            raise OSError(str(error)) from error
