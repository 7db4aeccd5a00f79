"""Images and labels from the arrays of an .npz file, never unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo_core.errors import DataError, shown
from zoo_core.interfaces import Split

Layout = Literal["auto", "nhwc", "nchw"]
"""Order of an array's axes; ``auto`` finds the axis of length 1 or 3."""


def array_shapes(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Shape and type of each array in ``path``, from the headers alone.

    Raises:
        DataError: the file is missing, damaged or no .npz file.
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.endswith(".npy"):
                    with archive.open(member) as file:
                        version = np.lib.format.read_magic(file)
                        read = (
                            np.lib.format.read_array_header_1_0
                            if version == (1, 0)
                            else np.lib.format.read_array_header_2_0
                        )
                        shape, _, dtype = read(file)
                    found[member.removesuffix(".npy")] = (shape, dtype)
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{shown(path)} cannot be read as an .npz file: {shown(error)}") from error
    return found


def load_array(path: Path, key: str) -> NDArray:
    """The array ``key`` of ``path``.

    Raises:
        DataError: it is not there, or holds Python objects (which would have to be unpickled), or is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            if key not in archive.files:
                names = ", ".join(archive.files)
                raise DataError(f'{shown(path)} has no array "{key}"; it has {shown(names)}')
            return archive[key]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f'array "{key}" of {shown(path)} cannot be read: {shown(error)}') from error


def read_arrays(
    path: Path,
    x: str,
    *,
    y: str | None = None,
    attributes: str | None = None,
    groups: str | None = None,
    layout: Layout = "auto",
) -> Split:
    """Examples from the arrays called ``x``, ``y``, ``attributes`` and ``groups`` in ``path``.

    Raises:
        DataError: an array is missing, of another type or shape, or of another length than the images.
    """
    images = load_array(path, x)
    _check_images(path, x, images.shape, images.dtype)
    pixels = to_nchw(torch.from_numpy(images), layout, f"{path}: {x}")
    classes = None if y is None else _labels(path, y, (len(images),))
    marks = None if attributes is None else _labels(path, attributes, (len(images), None))
    shared = None if groups is None else _labels(path, groups, (len(images),))
    return Split(
        pixels,
        None if classes is None else classes.to(torch.int64),
        None if marks is None else marks.to(torch.int8),
        shared,
    )


def image_shape(path: Path, key: str, layout: Layout = "auto") -> tuple[int, int, int]:
    """(C, H, W) of the images in array ``key``, from its header."""
    arrays: Mapping[str, tuple[tuple[int, ...], np.dtype]] = array_shapes(path)
    shape, dtype = arrays[key]
    _check_images(path, key, shape, dtype)
    return tuple(to_nchw(torch.empty((1, *shape[1:]), dtype=torch.uint8), layout, f"{path}: {key}").shape[1:])


def to_nchw(x: Tensor, layout: Layout, where: str) -> Tensor:
    """``x`` (N, H, W), (N, H, W, C) or (N, C, H, W) as contiguous (N, C, H, W)."""
    if x.ndim == 3:
        return x[:, None]
    first, last = x.shape[1] in (1, 3), x.shape[3] in (1, 3)
    if layout == "auto" and first == last:
        raise DataError(
            f"{shown(where)} has shape {tuple(x.shape)}, in which the channels (1 or 3) are not to be told",
            hint="--set data.layout=nchw or --set data.layout=nhwc",
        )
    return x if layout == "nchw" or (layout == "auto" and first) else x.permute(0, 3, 1, 2).contiguous()


def _check_images(path: Path, key: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    if dtype != np.uint8 or len(shape) not in (3, 4) or 0 in shape:
        raise DataError(
            f'array "{key}" of {shown(path)} is {dtype} of shape {shape}, expected uint8 '
            "(0 to 255) of shape (N, H, W), (N, H, W, C) or (N, C, H, W)"
        )


def _labels(path: Path, key: str, shape: tuple[int | None, ...]) -> Tensor:
    found = load_array(path, key)
    fits = len(found.shape) == len(shape) and all(b in (None, a) for a, b in zip(found.shape, shape))
    if not fits or found.dtype.kind not in "iub":
        expected = ", ".join("any" if n is None else str(n) for n in shape)
        raise DataError(
            f'array "{key}" of {shown(path)} is {found.dtype} of shape {found.shape}, expected '
            f"integers of shape ({expected})"
        )
    return torch.from_numpy(found.astype(np.int64))
