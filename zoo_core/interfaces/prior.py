"""Prior: p(z)."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from zoo_core.interfaces.component import Part
from zoo_core.noise import Noise


class Prior(Part):
    """p(z) over codes (N, latent_dim)."""

    latent_dim: int

    @abstractmethod
    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        """Draws (n, latent_dim), for the labels y (n,) where the prior has the capability ``labels``."""

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), (N,), in nats; only with the capability ``prior.log_prob``."""
        raise TypeError(f"{type(self).__name__} has no density")

    def kl_from_gaussian(self, mean: Tensor, log_sigma: Tensor) -> Tensor:
        """KL(N(mean, diag(σ²)) ‖ p), (N,), in nats, closed form; only with the capability ``prior.kl``."""
        raise TypeError(f"{type(self).__name__} has no closed-form KL divergence")
