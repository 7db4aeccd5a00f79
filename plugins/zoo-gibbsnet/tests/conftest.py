"""A linear encoder and decoder, whose chain has a law in closed form."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.distributions import Gaussian, LikelihoodFamily, posterior_family
from zoo_core.interfaces import Decoder, Encoder, Prior
from zoo_core.noise import Noise

LATENT, PIXELS = 3, 4
SHAPE = (1, 2, 2)
FAR = 100.0
"""Where chains start: so many standard deviations away."""


class LinearPixels(LikelihoodFamily):
    """N(output, σ²) without a squashing."""

    def __init__(self, log_sigma: Tensor) -> None:
        super().__init__()
        self.register_buffer("log_sigma", log_sigma)

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | {"likelihood.rsample"}

    def forward(self, output: Tensor) -> Gaussian:
        return Gaussian(output, self.log_sigma.view(SHAPE))


class LinearEncoder(Encoder):
    """N(Ax + a, diag(s²))."""

    def __init__(self, weight: Tensor, bias: Tensor, log_sigma: Tensor) -> None:
        super().__init__()
        self.image_shape, self.family = SHAPE, posterior_family("gaussian", LATENT)
        self.net = torch.nn.Linear(PIXELS, LATENT, dtype=torch.float64)
        self.net.weight.data, self.net.bias.data = weight, bias
        self.register_buffer("free", 7 * torch.atanh(log_sigma / 7))

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return torch.cat([self.net(x.flatten(1)), self.free.expand(len(x), -1)], 1)


class LinearDecoder(Decoder):
    """N(Bz + b, diag(r²))."""

    def __init__(self, weight: Tensor, bias: Tensor, log_sigma: Tensor) -> None:
        super().__init__()
        self.image_shape, self.latent_dim, self.family = SHAPE, LATENT, LinearPixels(log_sigma)
        self.net = torch.nn.Linear(LATENT, PIXELS, dtype=torch.float64)
        self.net.weight.data, self.net.bias.data = weight, bias

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.net(z).view(-1, *SHAPE)


class FarPrior(Prior):
    latent_dim = LATENT

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        return FAR + noise.normal(name, (n, LATENT))


class Linear(NamedTuple):
    """The model, and the numbers that it is made of."""

    model: zoo.Model
    A: Tensor
    a: Tensor
    s: Tensor
    B: Tensor
    b: Tensor
    r: Tensor


@pytest.fixture(scope="session")
def linear() -> Linear:
    """x = Bz + b + r ε, z = Ax + a + s ε."""
    rng = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    A, a, s = 0.45 * draw(LATENT, PIXELS), draw(LATENT), draw(LATENT).mul(0.3).exp()
    B, b, r = 0.45 * draw(PIXELS, LATENT), draw(PIXELS), draw(PIXELS).mul(0.3).exp()
    parts = {"encoder": LinearEncoder(A, a, s.log()), "decoder": LinearDecoder(B, b, r.log()), "prior": FarPrior()}
    kinds = {name: {"kind": name, "name": name} for name in parts}
    config = {
        "recipe": "linear",
        "image_shape": list(SHAPE),
        "parts": kinds,
        "sampler": "",
        "labels": {"type": "none", "names": []},
    }
    return Linear(zoo.Model(config, parts, {}), A, a, s, B, b, r)
