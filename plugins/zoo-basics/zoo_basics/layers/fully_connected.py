"""A stack of linear layers, and the last one."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from zoo_basics.layers.activation import ActivationName, activation


def fully_connected(widths: tuple[int, ...], name: ActivationName, batch_norm: bool) -> nn.Sequential:
    """Linear layers from ``widths[0]`` to ``widths[-1]``, an activation after each, batch norm before it if asked."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        norm = [nn.BatchNorm1d(outputs)] if batch_norm else []
        layers += [nn.Linear(inputs, outputs, bias=not batch_norm), *norm, activation(name)]
    return nn.Sequential(*layers)


def fully_connected_head(inputs: int, outputs: int, batch_norm: bool) -> nn.Module:
    """The linear layer to the outputs, with batch norm after it if asked."""
    linear = nn.Linear(inputs, outputs, bias=not batch_norm)
    return nn.Sequential(linear, nn.BatchNorm1d(outputs)) if batch_norm else linear
