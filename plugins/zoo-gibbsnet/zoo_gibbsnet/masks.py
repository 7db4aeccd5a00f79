"""Which pixels of an image are known."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from zoo_core.errors import DataError, SettingError, shown
from zoo_core.interfaces import ImageShape
from zoo_core.storage import expanded

Known = Literal["left", "right", "top", "bottom", "box", "frame"]
"""A half of the image; ``box``, the middle of it, half as high and as wide; ``frame``, what is around that."""

KNOWN: tuple[Known, ...] = get_args(Known)


def known_pixels(known: Known, image_shape: ImageShape) -> Tensor:
    """Where images of that shape are known, bool (1, H, W)."""
    _, height, width = image_shape
    row, column = torch.arange(height)[:, None], torch.arange(width)[None, :]
    box = _middle(row, height) & _middle(column, width)
    masks = {
        "left": (column < width // 2).expand(height, width),
        "right": (column >= width // 2).expand(height, width),
        "top": (row < height // 2).expand(height, width),
        "bottom": (row >= height // 2).expand(height, width),
        "box": box,
        "frame": ~box,
    }
    return masks[known][None]


def _middle(place: Tensor, size: int) -> Tensor:
    """The middle half, at least one wide."""
    start = size // 4
    return (place >= start) & (place < max(size - start, start + 1))


def mask_of(text: str, image_shape: ImageShape) -> Tensor:
    """The mask that ``text`` names, one of :data:`Known` or a picture whose bright pixels are known; bool (1, H, W).

    Raises:
        SettingError: neither a name nor a file, or a picture of another size.
        DataError: the file is no picture.
    """
    if text in KNOWN:
        return known_pixels(text, image_shape)  # type: ignore[arg-type]
    path = expanded(text)
    if not path.is_file():
        raise SettingError(
            f"--known: there is no file {shown(text)}",
            hint=f"one of {', '.join(KNOWN)}, or a picture, white where pixels are known",
        )
    return _from_picture(path, image_shape)


def _from_picture(path: Path, image_shape: ImageShape) -> Tensor:
    import numpy as np
    from PIL import Image, UnidentifiedImageError
    from zoo_basics.datasets.picture_files import FORMATS

    try:
        with Image.open(path, formats=sorted(set(FORMATS.values()))) as picture:
            grey = torch.from_numpy(np.array(picture.convert("L")))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"--known: {shown(path)} is no picture: {shown(error)}") from None
    if grey.shape != image_shape[1:]:
        (height, width), (_, wanted_height, wanted_width) = grey.shape, image_shape
        raise SettingError(
            f"--known: the mask {shown(path)} is {height}x{width}, the images are {wanted_height}x{wanted_width}"
        )
    return (grey >= 128)[None]
