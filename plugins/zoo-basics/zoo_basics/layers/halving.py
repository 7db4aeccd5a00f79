"""How often the sides of an image can be halved: the rule by which encoders and decoders mirror one another."""

from __future__ import annotations

from zoo_core.errors import SettingError
from zoo_core.interfaces import ImageShape

SMALLEST_HALVED = 8
"""A side below this is not halved: 32, 64 and 128 pixels end at 4, 28 ends at 7."""


def halved_sizes(image_shape: ImageShape) -> list[tuple[int, int]]:
    """(H, W) of the image and of each halving, down to the first one with a side that is odd or below 8.

    Raises:
        SettingError: the image cannot be halved once.
    """
    height, width = image_shape[1:]
    sizes = [(height, width)]
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= SMALLEST_HALVED:
        height, width = height // 2, width // 2
        sizes.append((height, width))
    if len(sizes) == 1:
        raise SettingError(
            f"images of {height}x{width} cannot be halved: both sides must be even and at least {SMALLEST_HALVED}",
            hint="resize the images, or use the mlp encoder and decoder",
            image_shape=image_shape,
        )
    return sizes


def sizes_halved_exactly(image_shape: ImageShape, times: int) -> list[tuple[int, int]]:
    """(H, W) of the image and of each of ``times`` halvings.

    Raises:
        SettingError: a side is not divisible by 2 to the power ``times``.
    """
    height, width = image_shape[1:]
    if height % 2**times or width % 2**times or not height or not width:
        raise SettingError(
            f"images of {height}x{width} do not fit: both sides must be divisible by {2**times}",
            hint="resize the images, or use the dcgan or resnet encoder and decoder",
            image_shape=image_shape,
        )
    return [(height >> i, width >> i) for i in range(times + 1)]
