"""Pictures read from files one at a time, brought to one size and one number of channels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias, final

import numpy as np
import torch
from annotated_types import Ge, Le
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from zoo_core.errors import DataError, SettingError, shown

Side: TypeAlias = Annotated[int, Ge(1), Le(65_536)]
Size: TypeAlias = Side | tuple[Side, Side] | None
"""Side of a square, or (height, width)."""

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".ppm": "PPM",
    ".pgm": "PPM",
}
"""What a file may be by the end of its name. Left to itself Pillow goes by the content alone, and starts Ghostscript for a
file that is PostScript inside, whatever it is called."""

PATH = 400
"""Letters of a path that a message shows: one that is cut off would not name the file."""
GREY_MODES = frozenset({"1", "L", "LA"})
DEEP_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
"""What Pillow raises for a damaged file."""


@final
class PictureFiles:
    """The pictures at ``paths``; each is opened when it is asked for.

    Arguments:
        paths: the files.
        size: (height, width) of the results: a picture is shrunk or enlarged (Lanczos) until it just covers that,
            then cropped in the middle. None: every picture must already have ``native``'s size.
        native: (height, width) that pictures must have where ``size`` is None.
        channels: 1 (grey) or 3 (RGB).
    """

    def __init__(
        self, paths: Sequence[Path], *, size: tuple[int, int] | None, native: tuple[int, int], channels: int
    ) -> None:
        self.paths = paths
        self.size = size
        self.native = native
        self.mode = "L" if channels == 1 else "RGB"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        path = self.paths[index]
        try:
            with opened(path) as image:
                check_depth(image, path)
                picture = image.convert(self.mode)
        except UNREADABLE as error:
            raise unreadable(path, error) from error
        if self.size is not None:
            picture = cover(picture, self.size)
        elif (picture.height, picture.width) != self.native:
            raise DataError(
                f"{shown(path, PATH)} is {picture.height}×{picture.width} (height×width), "
                f"the first picture {self.native[0]}×{self.native[1]}",
                hint="bring them to one size with --set data.size=64",
                path=str(path),
            )
        array = np.array(picture)
        return torch.from_numpy(array[None] if self.mode == "L" else array.transpose(2, 0, 1).copy())


def opened(path: Path) -> Image.Image:
    """The picture at ``path``, of the one format that its name says; nothing else in the file is looked at.

    Raises:
        DataError: its name says no format, or its content is not of it.
        OSError, SyntaxError, ValueError: as Pillow raises them for a file that is missing or damaged, see
            :data:`UNREADABLE`.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in FORMATS:
        raise DataError(
            f"{shown(path, PATH)} does not say by its name what kind of picture it is",
            hint=f"pictures end in {' '.join(sorted(FORMATS))}",
            path=str(path),
        )
    expected = FORMATS[suffix]
    try:
        return Image.open(path, formats=(expected,))
    except UnidentifiedImageError:
        found = _format_of(path)
        if found is None:
            raise DataError(
                f"{shown(path, PATH)} cannot be read as a picture: its content is not {expected}",
                hint="mend or remove the file",
                path=str(path),
            ) from None
        ends = next(end for end, format in FORMATS.items() if format == found)
        raise DataError(
            f"the name of {shown(path, PATH)} says {expected}, its content is {found}",
            hint=f"rename it to end in {ends}",
            path=str(path),
        ) from None


def _format_of(path: Path) -> str | None:
    """Which of the formats of :data:`FORMATS` the content has; None where it is none of them."""
    for format in dict.fromkeys(FORMATS.values()):
        try:
            Image.open(path, formats=(format,)).close()
        except UNREADABLE:
            continue
        return format
    return None


def cover(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """``picture`` resized (Lanczos) so that it just covers ``size`` = (height, width), cropped in the middle.

    For CelebA's 218×178 and a size of 64×64 it is resized to 78×64 and rows 7 to 70 are kept.
    """
    height, width = size
    scale = max(height / picture.height, width / picture.width)
    tall, wide = max(height, round(picture.height * scale)), max(width, round(picture.width * scale))
    top, left = (tall - height) // 2, (wide - width) // 2
    if (wide, tall) != picture.size:
        picture = picture.resize((wide, tall), Image.Resampling.LANCZOS)
    return picture.crop((left, top, left + width, top + height))


def header(path: Path) -> tuple[tuple[int, int], int]:
    """((height, width), channels) of the picture at ``path``, from its header."""
    try:
        with opened(path) as image:
            check_depth(image, path)
            return (image.height, image.width), 1 if image.mode in GREY_MODES else 3
    except UNREADABLE as error:
        raise unreadable(path, error) from error


def height_and_width(size: Size) -> tuple[int, int] | None:
    """``size`` as (height, width).

    Raises:
        SettingError: a side is not positive.
    """
    if size is None:
        return None
    sides = (size, size) if isinstance(size, int) else size
    if min(sides) < 1:
        raise SettingError(
            f"size {shown(size)} is too small, expected at least 1", hint="size=64, or size=[64, 48] (height, width)"
        )
    return sides


def check_depth(image: Image.Image, path: Path) -> None:
    """Raises DataError where a pixel is more than a byte: Pillow would cut such values off at 255."""
    if image.mode in DEEP_MODES:
        raise DataError(
            f"{shown(path, PATH)} has more than 8 bits a pixel (mode {image.mode})",
            hint="convert it to 8 bits",
            path=str(path),
        )


def unreadable(path: Path, error: Exception) -> DataError:
    """The error for a picture that cannot be read."""
    return DataError(
        f"{shown(path, PATH)} cannot be read as a picture: {shown(error)}",
        hint="mend or remove the file",
        path=str(path),
    )
