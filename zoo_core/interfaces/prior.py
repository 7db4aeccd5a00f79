"""Prior: p(z)."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from zoo_core.interfaces.component import Part
from zoo_core.noise import Noise


class Prior(Part):
    """p(z) over codes (N, latent_dim)."""

    latent_dim: int

    categories: int = 0
    """Width of the one-hot label at the front of a code, where there is one."""

    components: int = 0
    """How many labels y there are that it can be asked for draws of, where there are any."""

    @abstractmethod
    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        """Draws (n, latent_dim), for the labels y (n,) where the prior has the capability ``labels``."""

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), (N,), in nats; only with the capability ``prior.log_prob``."""
        raise TypeError(f"{type(self).__name__} has no density")

    def kl_from_gaussian(self, mean: Tensor, log_sigma: Tensor) -> Tensor:
        """KL(N(mean, diag(σ²)) ‖ p), (N,), in nats, closed form; only with the capability ``prior.kl``."""
        raise TypeError(f"{type(self).__name__} has no closed-form KL divergence")

    def from_percentiles(self, u: Tensor, y: Tensor | None = None) -> Tensor:
        """The codes at the percentiles ``u`` (N, latent_dim), each in (0, 1), along the prior's own axes; for uniform ``u`` they
        are distributed as the prior. Of the components or classes ``y`` (N,) where the prior has the capability ``labels``.
        Only with the capability ``prior.percentiles``."""
        raise TypeError(f"{type(self).__name__} has no percentiles")
