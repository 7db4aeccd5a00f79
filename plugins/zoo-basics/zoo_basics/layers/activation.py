"""Activation functions by name."""

from __future__ import annotations

from typing import Literal

from torch import nn

ActivationName = Literal["relu", "leaky-relu", "elu", "silu", "gelu", "softplus", "tanh"]


def activation(name: ActivationName) -> nn.Module:
    """The activation called ``name``; ``leaky-relu`` has the slope 0.2 of DCGAN (Radford et al. 2016, section 3)."""
    match name:
        case "relu":
            return nn.ReLU(inplace=True)
        case "leaky-relu":
            return nn.LeakyReLU(0.2, inplace=True)
        case "elu":
            return nn.ELU(inplace=True)
        case "silu":
            return nn.SiLU(inplace=True)
        case "gelu":
            return nn.GELU()
        case "softplus":
            return nn.Softplus()
        case "tanh":
            return nn.Tanh()
