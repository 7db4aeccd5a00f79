"""Pictures: grids of images as PNG files and animated GIFs."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zoo_core.storage.files import write_bytes


def grid(x: Tensor, columns: int | None = None, *, gap: int = 2) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Images side by side, uint8 (height, width, 3).

    Arguments:
        x: (N, C, H, W) in [0, 1]; values outside are cut. One or two channels show the first as grey, more the first
            three as red, green and blue.
        columns: images in a row; None makes the grid as square as it goes.
        gap: white pixels between two images.
    """
    n, channels, height, width = x.shape
    columns = min(columns or math.ceil(math.sqrt(n)), n)
    rows = math.ceil(n / columns)
    pixels = x.detach().float().clamp(0, 1).mul(255).round().to("cpu", torch.uint8)
    pixels = pixels[:, :3] if channels >= 3 else pixels[:, :1].expand(-1, 3, -1, -1)
    canvas = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
    for i, image in enumerate(pixels.permute(0, 2, 3, 1).numpy()):
        top, left = gap + (i // columns) * (height + gap), gap + (i % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return canvas


def beside(originals: Tensor, reconstructions: Tensor, *, columns: int = 8) -> tuple[Tensor, int]:
    """Originals over their reconstructions, row by row, and how many columns that makes; a short last row is filled up white."""
    columns = min(columns, len(originals))
    white = originals.new_ones(-len(originals) % columns, *originals.shape[1:])
    upper, lower = torch.cat([originals, white]), torch.cat([reconstructions, white])
    return torch.stack([upper.unflatten(0, (-1, columns)), lower.unflatten(0, (-1, columns))], 1).flatten(0, 2), columns


def save_gif(
    path: Path, pictures: Iterable[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]], *, seconds: float = 0.1
) -> None:
    """Write ``pictures`` (height, width, 3), all of one size, as an animated GIF that starts over at its end, atomically.

    Arguments:
        seconds: how long each is shown; the last ten times as long.
    """
    from PIL import Image

    frames = [Image.fromarray(picture) for picture in pictures]
    durations = [round(1000 * seconds)] * (len(frames) - 1) + [round(10_000 * seconds)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    write_bytes(path, buffer.getvalue())


def save_png(
    path: Path, picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], *, enlarge: int | None = None
) -> None:
    """Write ``picture`` (height, width, 3) as PNG, atomically.

    Arguments:
        enlarge: factor, by repeating pixels; None enlarges small pictures to about 512 pixels.
    """
    from PIL import Image

    factor = enlarge or max(1, min(4, 512 // max(picture.shape[:2])))
    image = Image.fromarray(picture.repeat(factor, 0).repeat(factor, 1))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    write_bytes(path, buffer.getvalue())
