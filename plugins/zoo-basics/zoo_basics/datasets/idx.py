"""The idx format of MNIST and its kin."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import torch
from torch import Tensor

from zoo_core.errors import DataError, shown

UINT8 = 0x08
"""The format's code for unsigned bytes, the only type that image sets use."""


def read_idx(path: Path) -> Tensor:
    """The array of an idx file of bytes, plain or gzipped: two zero bytes, the type, the number of axes, each axis's
    length as four big-endian bytes, the values.

    Raises:
        DataError: the file is damaged, or no idx file of bytes.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{shown(path)} cannot be read: {shown(error)}") from error
    if len(raw) < 4 or raw[:3] != bytes([0, 0, UINT8]):
        raise DataError(f"{shown(path)} is not an idx file of unsigned bytes")
    start = 4 + 4 * raw[3]
    shape = [int.from_bytes(raw[at : at + 4], "big") for at in range(4, start, 4)]
    if len(raw) != start + math.prod(shape):
        raise DataError(
            f"{shown(path)} has {len(raw) - start} values, its header says {'×'.join(map(str, shape))}",
            hint="the file is cut off or damaged: fetch it again",
        )
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8, offset=start).reshape(shape)
