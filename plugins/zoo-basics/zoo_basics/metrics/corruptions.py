"""Five ways to spoil images, each with a strength from 0 up: what a distance between image sets ought to notice.

After the study of Heusel et al. 2017 (appendix A1) as the thesis tells it (Lamb 2018, section 1.2.3). Images are (N, C, H, W) in
[0, 1], before and after; strength 0 leaves them as they are. With generators of one seed, what a strength spoils a larger one spoils too.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

SQUARES = 5
"""Regions that are removed from an image."""


def gaussian_noise(x: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """x + strength · ε for standard normal ε in each pixel and channel, clipped to [0, 1]."""
    return (x + strength * torch.randn(x.shape, generator=generator).to(x)).clamp(0, 1)


def removed_regions(x: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Five black rectangles, each ``strength`` (0 to 1) as high and as wide as the image, wholly inside it, anywhere."""
    n, _, height, width = x.shape
    sides = round(strength * height), round(strength * width)
    corners = torch.rand(n, SQUARES, 2, generator=generator).to(x.device)
    inside = []
    for axis, (length, side) in enumerate(zip((height, width), sides)):
        first = (corners[..., axis : axis + 1] * (length - side + 1)).floor()
        place = torch.arange(length, device=x.device)
        inside.append((place >= first) & (place < first + side))
    rectangles = (inside[0].unsqueeze(-1) & inside[1].unsqueeze(-2)).any(1, keepdim=True)
    return x.masked_fill(rectangles, 0)


def swirl(x: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Turned around the centre by ``strength`` radians there, by strength · exp(−ρ / r) at distance ρ from it.

    r = ln 2 / 5 of the image's larger side, the fall of scikit-image's ``swirl`` with a radius of that side; bilinear, outside
    is black. Draws nothing.
    """
    height, width = x.shape[2:]
    larger = max(height, width)
    down, right = ((torch.arange(n, dtype=torch.float64) - (n - 1) / 2) for n in (height, width))
    y, x_axis = torch.meshgrid(down, right, indexing="ij")
    angle = torch.atan2(y, x_axis) + strength * torch.exp(-torch.hypot(y, x_axis) / (math.log(2) * larger / 5))
    radius = torch.hypot(y, x_axis)
    # grid_sample counts from −1 to 1 over the whole pixels.
    grid = torch.stack([radius * angle.cos() * 2 / width, radius * angle.sin() * 2 / height], dim=-1)
    turned = grid_sample(x, grid.to(x).expand(len(x), -1, -1, -1), mode="bilinear", align_corners=False)
    return turned.clamp(0, 1)


def salt_and_pepper(x: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """A share ``strength`` (0 to 1) of the pixels becomes white or black, all channels of a pixel alike."""
    shape = (len(x), 1, *x.shape[2:])
    chance = torch.rand(shape, generator=generator).to(x)
    white = (torch.rand(shape, generator=generator) < 0.5).to(x)
    return torch.where(chance < strength, white, x)


def foreign_images(x: Tensor, strength: float, generator: torch.Generator, foreign: Tensor) -> Tensor:
    """A share ``strength`` (0 to 1) of the images is replaced by images of another set.

    Arguments:
        foreign: (M, C, H, W) in [0, 1], M ≥ 1; taken in turn.
    """
    replaced = torch.randperm(len(x), generator=generator)[: round(strength * len(x))]
    mixed = x.clone()
    mixed[replaced.to(x.device)] = foreign[torch.arange(len(replaced)) % len(foreign)].to(x)
    return mixed
