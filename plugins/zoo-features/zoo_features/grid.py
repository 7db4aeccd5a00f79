"""Activations as the zoo has them: maps as NCHW, vectors as (N, D)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from zoo_core.errors import SettingError


def as_map(activation: Any, who: str, image: Sequence[int], *, channels_last: bool = False, prefix: int = 0) -> Tensor:
    """An activation of any layout as a map or a vector.

    Arguments:
        activation: (N, C, H, W), (N, H, W, C), tokens (N, L, D), (N, D), or a tuple that begins with one of them.
        who: net and layer, for messages.
        image: (height, width) of the image that the net saw; a grid of tokens has about its proportions.
        channels_last: whether a four-dimensional activation is (N, H, W, C).
        prefix: how many tokens before the grid's are none of it (class token, registers).

    Returns:
        (N, C, H, W), for tokens that are no grid (N, D, L, 1); or (N, D).

    Raises:
        SettingError: it is none of these.
    """
    while isinstance(activation, tuple | list) and activation:
        activation = activation[0]
    if not isinstance(activation, Tensor) or activation.ndim not in (2, 3, 4):
        found = tuple(activation.shape) if isinstance(activation, Tensor) else type(activation).__name__
        raise SettingError(f"{who} gives {found}, neither a map nor tokens nor a vector", hint="ask for another layer")
    if activation.ndim == 2:
        return activation
    if activation.ndim == 4:
        return activation.permute(0, 3, 1, 2) if channels_last else activation
    for skip in (prefix, 0):
        grid = grid_of(activation.shape[1] - skip, image)
        if grid is not None:
            return activation[:, skip:].transpose(1, 2).unflatten(2, grid)
    return activation.transpose(1, 2).unsqueeze(3)


def grid_of(tokens: int, image: Sequence[int]) -> tuple[int, int] | None:
    """(height, width) of a grid of ``tokens`` cells with an image's proportions, or None."""
    if tokens < 1:
        return None
    height = max(1, round((tokens * image[0] / image[1]) ** 0.5))
    width = tokens // height
    return (height, width) if height * width == tokens and abs(width - height * image[1] / image[0]) < 1 else None


def is_channels_last(module: nn.Module, otherwise: bool) -> bool:
    """Whether the four-dimensional output of a module is (N, H, W, C); ``otherwise`` where its type leaves that open."""
    if isinstance(module, nn.Linear) or type(module) is nn.LayerNorm:
        return True
    if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
        return False
    return otherwise
