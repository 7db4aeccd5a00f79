"""Decoder: z to p(x given z). A GAN's generator is one."""

from __future__ import annotations

from abc import abstractmethod
from typing import final

from torch import Tensor

from zoo_core.distributions.likelihoods import Likelihood, LikelihoodFamily
from zoo_core.distributions.posterior import promote
from zoo_core.interfaces.batch import ImageShape
from zoo_core.interfaces.component import Part


class Decoder(Part):
    """Maps codes (N, latent_dim) to a likelihood over images (N, C, H, W).

    A subclass sets ``image_shape``, ``latent_dim`` and ``family`` (a submodule, from
    :func:`zoo_core.distributions.likelihood_family`) in ``__init__`` and writes ``forward``.
    """

    image_shape: ImageShape
    latent_dim: int
    family: LikelihoodFamily

    @abstractmethod
    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The picture before its squashing, (N, C, H, W).

        Arguments:
            z: (N, latent_dim).
            y: for a decoder with the capability ``labels``, else None: classes, int64 (N,) or one-hot (N, K), or attributes, (N, K)
                of 0, 1 and −1 (not known).
        """

    @property
    def capabilities(self) -> frozenset[str]:
        return self.family.capabilities

    @final
    def likelihood(self, z: Tensor, y: Tensor | None = None) -> Likelihood:
        """p(x given z), in full precision; its ``mean`` is the picture that is shown."""
        likelihood: Likelihood = self.family(promote(self(z) if y is None else self(z, y)))
        return likelihood
