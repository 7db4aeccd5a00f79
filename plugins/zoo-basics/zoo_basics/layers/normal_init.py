"""Weights from a zero-centred normal distribution."""

from __future__ import annotations

from torch import nn


def init_normal(module: nn.Module, std: float) -> None:
    """Weights of all convolutions and linear layers from N(0, std²), their biases 0; other layers stay as they are."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
