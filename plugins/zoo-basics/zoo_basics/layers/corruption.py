"""Corruption of a net's input, in train mode only."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GaussianNoise(nn.Module):
    """Adds N(0, std²) in train mode, from torch's global generator, as dropout draws."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training else x

    def extra_repr(self) -> str:
        return f"std={self.std}"


def corruption(noise: float, dropout: float) -> nn.Sequential:
    """Dropout, then Gaussian noise of standard deviation ``noise``; empty where both are 0."""
    layers: list[nn.Module] = [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, *([GaussianNoise(noise)] if noise else []))
