"""CIFAR's "python version": pickles, read without giving a pickle the chance to run anything.

The only pickles that the zoo reads (design: no pickle from a user or the Hub). A file is refused unless its md5 is
the published one, and the unpickler then finds no name but those that make up a numpy array of numbers.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import DataError, shown


@final
class ArrayUnpickler(pickle.Unpickler):
    """An unpickler for numpy arrays, numbers, strings and builtin containers; any other name is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        # numpy 2 moved the function; the files were written by numpy 1.
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _empty_array
        raise DataError(
            f"a data file asks for {shown(module)}.{shown(name)}: only arrays and containers are read",
            hint="delete the file and fetch it again",
        )


def _empty_array(subtype: type, shape: tuple[int, ...], dtype: bytes | str) -> NDArray:
    # What numpy's _reconstruct does for a plain array; the pickle fills it through __setstate__.
    return np.ndarray.__new__(np.ndarray, shape, dtype)


def read_cifar_batch(path: Path, md5: str) -> Mapping[str, Any]:
    """The dict in one of CIFAR's batch files.

    Arguments:
        path: the file.
        md5: what its bytes must hash to.

    Raises:
        DataError: the file cannot be read, is not the published one, or holds more than arrays and containers.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be read: {shown(error)}") from error
    if hashlib.md5(raw, usedforsecurity=False).hexdigest() != md5:
        raise DataError(
            f"{shown(path)} is not the published file (its md5 differs)", hint="delete it and fetch it again"
        )
    return unpickle_arrays(raw)


def unpickle_arrays(raw: bytes) -> Any:
    """What the pickle ``raw`` holds, if it holds arrays and containers only (Python 2's strings become latin-1
    text)."""
    return ArrayUnpickler(io.BytesIO(raw), encoding="latin1").load()
