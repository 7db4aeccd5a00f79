"""Standard output kept for the command's own results: what others print meanwhile goes to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.machinery import ExtensionFileLoader
from threading import Lock
from typing import TextIO


@dataclass
class _Kept:
    """The process's standard output while it is diverted.

    Arguments:
        users: how many diversions are open; the last to close puts everything back.
        stream: what ``sys.stdout`` was.
        descriptor: a copy of file descriptor 1; None where it is closed.
        modules: how many were imported.
    """

    users: int = 0
    stream: TextIO | None = None
    descriptor: int | None = None
    modules: int = 0


_lock = Lock()
_kept = _Kept()


@contextmanager
def stdout_on_stderr() -> Iterator[None]:
    """Send to standard error what is printed in here, by Python, by C code or by a process that is started.

    There is one standard output a process: what other threads print meanwhile goes to standard error, too.
    """
    with _lock:
        if not _kept.users:
            _divert()
        _kept.users += 1
    try:
        yield
    finally:
        with _lock:
            _kept.users -= 1
            if not _kept.users:
                _put_back()


def _divert() -> None:
    _kept.stream, _kept.modules = sys.stdout, len(sys.modules)
    with suppress(
        OSError, ValueError, AttributeError
    ):  # nobody reads it, it is closed, or it is of the caller's own kind
        sys.stdout.flush()
    sys.stdout = sys.stderr
    try:
        _kept.descriptor = os.dup(1)
    except OSError:
        _kept.descriptor = None
        return
    try:
        os.dup2(2, 1)
    except OSError:  # standard error is closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)


def _put_back() -> None:
    if "ctypes" in sys.modules or _is_compiled(list(sys.modules)[_kept.modules :]):
        _flush_c()
    # What was written to the stream itself, by a reference to it, lies in its buffer still.
    for stream in {id(one): one for one in (sys.stdout, _kept.stream)}.values():
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()  # type: ignore[union-attr]
    sys.stdout = _kept.stream  # type: ignore[assignment]
    if _kept.descriptor is not None:
        os.dup2(_kept.descriptor, 1)
        os.close(_kept.descriptor)
    _kept.stream = _kept.descriptor = None


def _is_compiled(modules: list[str]) -> bool:
    """Whether one of ``modules`` is C code from outside the standard library."""
    return any(
        isinstance(getattr(sys.modules.get(name), "__loader__", None), ExtensionFileLoader)
        for name in modules
        if name.partition(".")[0] not in sys.stdlib_module_names
    )


def _flush_c() -> None:
    """Flush the buffers of the C library, which C code prints into. Only where there may be such code: ctypes takes long to import."""
    with suppress(ImportError, AttributeError):  # AttributeError: on Windows it is in another library
        import ctypes

        ctypes.pythonapi.fflush(None)
