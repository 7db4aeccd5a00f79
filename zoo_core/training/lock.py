"""One training at a time in a run folder: a lock that ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo_core.errors import RunError, shown

LOCK_FILE = ".zoo-run.lock"
_UNSUPPORTED = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
"""What file systems without locks say."""
_held: set[int] = set()
"""Handles of the locks that this process holds."""

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 2**30, os.SEEK_SET)  # far behind the text: a locked byte cannot be read by others
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _leave_to_parent() -> None:
        """A forked process (one that reads images) would hold the lock beyond its parent's end."""
        while _held:
            os.close(_held.pop())

    os.register_at_fork(after_in_child=_leave_to_parent)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Inside, no other process (and no other training of this one) can lock ``folder``, which is made where it is missing.

    Whoever only reads it is not held up. Where the file system has no locks there is none.

    Raises:
        RunError: another holds it, or the folder cannot be written.
    """
    handle = _taken(folder)
    _held.add(handle)
    try:
        yield
    finally:
        if handle in _held:
            _held.discard(handle)
            _release(folder / LOCK_FILE, handle)


def _taken(folder: Path) -> int:
    path = folder / LOCK_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
            try:
                _lock(handle)
                # Its last holder may have removed the file after it was opened here.
                if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                    os.ftruncate(handle, 0)
                    os.write(handle, f"{os.getpid()}\n".encode())
                    return handle
            except (BlockingIOError, PermissionError):
                holder = _holder(handle)
                os.close(handle)
                raise RunError(
                    f"{shown(folder)} is in use: another training{holder} writes into it",
                    hint="wait until it has ended, or choose another --out",
                ) from None
            except OSError as error:
                if error.errno in _UNSUPPORTED:
                    return handle
                os.close(handle)
                raise
            os.close(handle)
    except OSError as error:
        raise RunError(
            f"{shown(path)} cannot be written: {shown(error.strerror or error)}",
            hint="choose another folder with --out",
        ) from None


def _holder(handle: int) -> str:
    """`` (process 123)``, where the holder has written so."""
    try:
        text = os.read(handle, 20).decode("ascii", "replace").strip()
    except OSError:
        text = ""
    return f" (process {text})" if text.isdigit() else ""


def _release(path: Path, handle: int) -> None:
    """Remove the file while the lock is held, or right after where an open file cannot be removed."""
    with contextlib.suppress(OSError):
        path.unlink()
    os.close(handle)
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            path.unlink()
