"""Attributes: independent yes and no beside a picture."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from zoo_core.noise import GeneratorNoise, Noise


@final
class Attributes:
    """p(a given z): each of K attributes by itself, given z, and given z independent of the pixels, so that
    log p(x, a given z) = log p(x given z) + log p(a given z).

    Arguments:
        logits: (N, K).
    """

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    @property
    def mean(self) -> Tensor:
        """The probability of each, (N, K)."""
        return torch.sigmoid(self.logits)

    def log_prob(self, attributes: Tensor) -> Tensor:
        """log p(a given z), (N,), in nats, for attributes (N, K) of 0 and 1; what is −1 (not known) is summed out."""
        known = attributes >= 0
        target = (attributes * known).to(self.logits.dtype)
        return -(binary_cross_entropy_with_logits(self.logits, target, reduction="none") * known).sum(1)

    def sample(self, noise: Noise | None = None, name: str = "attributes") -> Tensor:
        """A draw of 0 and 1, (N, K), without a gradient."""
        noise = noise or GeneratorNoise(device=self.logits.device, dtype=self.logits.dtype)
        return (noise.uniform(name, self.logits.shape) < self.mean).to(self.logits.dtype)
