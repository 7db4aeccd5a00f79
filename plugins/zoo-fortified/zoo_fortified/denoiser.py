"""DenoisingAutoencoder: one hidden layer with tied weights, over vectors, maps or sequences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear

from zoo_core.errors import SettingError
from zoo_core.interfaces import PartNoise

Activation = Literal["tanh", "leaky-relu"]
Scale = Literal["absolute", "relative"]

KERNEL = 5
"""Side of the kernels over maps, at stride 1 (Lamb 2018, section 2.6)."""
SLOPE = 0.2
"""Of the leaky ReLU at negative numbers."""


class DenoisingAutoencoder(nn.Module):
    """D(E(h + n)) of equation 2.5 (Lamb 2018): E(h) = activation(W h + b) and D(e) = Wᵀ e + c, with one W for both.

    Maps (C, H, W) are convolved with 5×5 kernels; 1×1 maps and vectors go through a linear layer, sequences (T, D) through the same one
    at each place. The noise stays on at test time, as the authors' does: a defence with it is stochastic, and an attack on it has to
    average over draws.

    Arguments:
        shape: of the activation of one example: (D,), (T, D) or (C, H, W).
        width: of the code: units, or channels over maps; 0 is half of the activation's.
        activation: of the code.
        noise: standard deviation σ of n.
        scale: ``absolute``: σ as it is (the thesis); ``relative``: times the root mean square of h over each example. A net can escape
            absolute noise by making h larger.

    Raises:
        SettingError: the activation is neither a vector, a map nor a sequence.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: int = 0,
        activation: Activation = "leaky-relu",
        noise: float = 0.1,
        scale: Scale = "absolute",
    ) -> None:
        super().__init__()
        if not 1 <= len(shape) <= 3:
            raise SettingError(
                f"an activation of shape {tuple(shape)} is neither a vector (D,), a sequence (T, D) nor a map (C, H, W)",
                hint="fortify another layer",
            )
        self.maps = len(shape) == 3 and shape[1:] != (1, 1)
        size = shape[0] if len(shape) == 3 else shape[-1]
        width = width or max(1, size // 2)
        self.activation, self.std, self.scale = activation, noise, scale
        kernel = (KERNEL, KERNEL) if self.maps else ()
        bound = 1 / math.sqrt((size + width) * math.prod(kernel))
        self.weight = nn.Parameter(torch.empty(width, size, *kernel).uniform_(-bound, bound))
        self.code_bias = nn.Parameter(torch.zeros(width))
        self.bias = nn.Parameter(torch.zeros(size))
        self.noise = PartNoise()

    def forward(self, h: Tensor) -> Tensor:
        """h, denoised, in its shape: (N, D), (N, T, D) or (N, C, H, W)."""
        return self._denoised(h) if self.maps or h.dim() < 4 else self._denoised(h.flatten(1)).view_as(h)

    def _denoised(self, h: Tensor) -> Tensor:
        code = self._encode(self._corrupted(h))
        code = code.tanh() if self.activation == "tanh" else leaky_relu(code, SLOPE)
        if self.maps:
            return conv_transpose2d(code, self.weight, self.bias, padding=KERNEL // 2)
        return linear(code, self.weight.t(), self.bias)

    def _encode(self, h: Tensor) -> Tensor:
        if self.maps:
            return conv2d(h, self.weight, self.code_bias, padding=KERNEL // 2)
        return linear(h, self.weight, self.code_bias)

    def _corrupted(self, h: Tensor) -> Tensor:
        if not self.std:
            return h
        draws = self.std * self.noise.normal(h)
        if self.scale == "relative":
            axes = tuple(range(1, h.dim()))
            # Without a gradient: the net should not learn its way out of the noise, nor an attack.
            draws = draws * h.detach().square().mean(dim=axes, keepdim=True).sqrt()
        return h + draws

    def extra_repr(self) -> str:
        width, size = self.weight.shape[:2]
        return f"{size}, width={width}, maps={self.maps}, {self.activation}, noise={self.std:g} {self.scale}"


@contextmanager
def without_noise(module: nn.Module) -> Iterator[None]:
    """Inside, no denoising autoencoder in ``module`` adds noise."""
    inside = [one for one in module.modules() if isinstance(one, DenoisingAutoencoder)]
    before = [one.std for one in inside]
    try:
        for one in inside:
            one.std = 0.0
        yield
    finally:
        for one, std in zip(inside, before):
            one.std = std
