"""Balls around images: the steepest direction, the nearest point inside, draws."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.interfaces import BallNorm
from zoo_core.noise import Noise


def steepest(slope: Tensor, norm: BallNorm) -> Tensor:
    """The change of norm 1 that a linear function of the given ``slope`` (N, C, H, W) grows most by; 0 where the slope is."""
    if norm == "linf":
        return slope.sign()
    # By its largest value first: squares of small slopes would be 0.
    scaled = slope / slope.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=torch.finfo(slope.dtype).tiny)
    return scaled / _length(scaled).clamp(min=torch.finfo(slope.dtype).tiny)


def within(change: Tensor, epsilon: float, norm: BallNorm) -> Tensor:
    """The point of the ball of radius ``epsilon`` around 0 that is nearest to ``change`` (N, C, H, W)."""
    if norm == "linf":
        return change.clamp(-epsilon, epsilon)
    return change * (epsilon / _length(change).clamp(min=epsilon))


def drawn(noise: Noise, name: str, like: Tensor, epsilon: float, norm: BallNorm) -> Tensor:
    """Changes (N, C, H, W) uniform in the ball of radius ``epsilon``."""
    if norm == "linf":
        return (epsilon * (2 * noise.uniform(name, like.shape) - 1)).to(like.dtype)
    towards = noise.normal(f"{name}/direction", like.shape).to(like.dtype)
    radius = noise.uniform(f"{name}/radius", (len(like), 1, 1, 1)).to(like.dtype) ** (1 / like[0].numel())
    return epsilon * radius * steepest(towards, "l2")


def _length(change: Tensor) -> Tensor:
    """√Σ of squares over each image, (N, 1, 1, 1)."""
    return change.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
