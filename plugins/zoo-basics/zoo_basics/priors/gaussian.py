"""GaussianPrior: N(0, std² I)."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Gt
from torch import Tensor

from zoo_basics.layers.bounds import Width
from zoo_core.interfaces import Prior, Tags
from zoo_core.noise import Noise


class GaussianPrior(Prior):
    """N(0, std² I) over codes. Its coordinates are independent and alike (the capability ``prior.isotropic``): the
    closed-form divergence may be asked for coordinate by coordinate, as codes of width 1.

    Arguments:
        latent_dim: width of z.
        std: standard deviation of each coordinate.
    """

    tags: ClassVar[Tags] = Tags(density=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"latent_dim": 3, "std": 2.0}]

    def __init__(self, *, latent_dim: Width = 64, std: Annotated[float, Gt(0)] = 1.0) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.std = std

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"prior.log_prob", "prior.kl", "prior.isotropic", "prior.percentiles"})

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        """Draws (n, latent_dim); the labels play no part."""
        return self.std * noise.normal(name, (n, self.latent_dim))

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), (N,), in nats."""
        constant = z.shape[-1] * (math.log(self.std) + 0.5 * math.log(2 * math.pi))
        return -0.5 * (z / self.std).square().sum(-1) - constant

    def from_percentiles(self, u: Tensor, y: Tensor | None = None) -> Tensor:
        """std Φ⁻¹(u), (N, latent_dim), for ``u`` in (0, 1); the labels play no part."""
        return self.std * torch.special.ndtri(u)

    def kl_from_gaussian(self, mean: Tensor, log_sigma: Tensor) -> Tensor:
        """KL(N(mean, diag(σ²)) ‖ p), (N,), in nats (Kingma and Welling 2013, appendix B, for any std)."""
        squares = mean.square() + (2 * log_sigma).exp()
        constant = mean.shape[-1] * (math.log(self.std) - 0.5)
        return ((0.5 / self.std**2) * squares - log_sigma).sum(-1) + constant
