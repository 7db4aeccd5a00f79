"""Posterior: q(z given x), and the Gaussian one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zoo_core.noise import GeneratorNoise, Noise

if TYPE_CHECKING:
    from zoo_core.interfaces.prior import Prior

LOG_2PI = math.log(2 * math.pi)


def to_float32(values: Tensor) -> Tensor:
    """``values`` in float32 where they are narrower: densities are computed outside autocast, in full precision."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


class Posterior(ABC):
    """q(z given x) for a batch of N examples; z is (N, latent_dim)."""

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """The code that stands for x, (N, latent_dim), deterministic."""

    @abstractmethod
    def rsample(self, noise: Noise | None = None, name: str = "z") -> Tensor:
        """A draw, (N, latent_dim), with a gradient back to the encoder. Without ``noise``: from the global generator."""

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z given x), (N,), in nats. Only where the family has the capability ``posterior.log_prob``."""
        raise TypeError(f"{type(self).__name__} has no density")

    def kl(self, prior: Prior) -> Tensor:
        """KL(q(z given x) ‖ p(z)), (N,), in nats. Only where the family has the capability ``posterior.kl``."""
        raise TypeError(f"{type(self).__name__} has no closed-form KL divergence")


class GaussianPosterior(Posterior):
    """N(μ(x), diag(σ²(x))), drawn by the reparametrisation trick (Kingma and Welling 2013).

    Arguments:
        mean: μ, (N, latent_dim).
        log_sigma: log σ, (N, latent_dim).
    """

    def __init__(self, mean: Tensor, log_sigma: Tensor) -> None:
        self._mean = mean
        self.log_sigma = log_sigma

    @property
    def mean(self) -> Tensor:
        return self._mean

    def rsample(self, noise: Noise | None = None, name: str = "z") -> Tensor:
        noise = noise or GeneratorNoise(device=self._mean.device, dtype=self._mean.dtype)
        epsilon = noise.normal(name, self._mean.shape)
        return torch.addcmul(self._mean, self.log_sigma.exp(), epsilon)

    def log_prob(self, z: Tensor) -> Tensor:
        scaled = (z - self._mean) * torch.exp(-self.log_sigma)
        return -(0.5 * scaled.square() + self.log_sigma).sum(-1) - 0.5 * self._mean.shape[-1] * LOG_2PI

    def kl(self, prior: Prior) -> Tensor:
        return prior.kl_from_gaussian(self._mean, self.log_sigma)
