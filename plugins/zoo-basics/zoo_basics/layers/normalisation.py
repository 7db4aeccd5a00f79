"""What stands between a layer and its activation."""

from __future__ import annotations

from typing import Literal, TypeAlias

from torch import nn

Normalisation: TypeAlias = Literal["none", "batch", "layer"]
"""Between a layer and its activation. Under ``batch`` an example's activation depends on the other examples of its batch; ``layer``
is one group of all channels."""


def normalised_linear(inputs: int, outputs: int, normalisation: Normalisation) -> list[nn.Module]:
    """A linear layer and its normalisation."""
    linear = nn.Linear(inputs, outputs, bias=normalisation == "none")
    match normalisation:
        case "none":
            return [linear]
        case "batch":
            return [linear, nn.BatchNorm1d(outputs)]
        case "layer":
            return [linear, nn.LayerNorm(outputs)]


def normalised_maps(channels: int, normalisation: Normalisation) -> list[nn.Module]:
    """The normalisation of maps (N, channels, H, W)."""
    match normalisation:
        case "none":
            return []
        case "batch":
            return [nn.BatchNorm2d(channels)]
        case "layer":
            return [nn.GroupNorm(1, channels)]
