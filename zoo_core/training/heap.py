"""The C library's heap: memory that a round has freed is kept for the next one."""

from __future__ import annotations

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's names for ``mallopt``: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD."""
_SETTINGS = {_TRIM_THRESHOLD: 2**31 - 1, _MMAP_THRESHOLD: 32 * 2**20}


def keep_freed_memory() -> bool:
    """Let glibc keep what is freed instead of giving it back to the system.

    A round frees its gradients, some tens of MB, and the next one takes as much: given back in between, every page of it faults
    and is cleared again, a tenth of the time of a round with wide layers. The process then stays as large as its largest round. Another
    C library, and one that was told otherwise by ``MALLOC_TRIM_THRESHOLD_``, is left alone.

    Returns:
        Whether glibc took it.
    """
    if "MALLOC_TRIM_THRESHOLD_" in os.environ or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    taken = [mallopt(name, value) == 1 for name, value in _SETTINGS.items()]
    return all(taken)
