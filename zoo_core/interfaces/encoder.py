"""Encoder: x to q(z given x)."""

from __future__ import annotations

from abc import abstractmethod
from typing import final

from torch import Tensor

from zoo_core.distributions.posterior import Posterior, to_float32
from zoo_core.distributions.posteriors import Implicit, PosteriorFamily
from zoo_core.interfaces.batch import ImageShape
from zoo_core.interfaces.component import Part


class Encoder(Part):
    """Maps images (N, C, H, W) in [0, 1] to a posterior over codes (N, latent_dim); with the capability ``labels``, images and
    labels to q(z given x, y).

    A subclass sets ``image_shape`` and ``family`` (a submodule) in ``__init__`` (:func:`zoo_core.distributions.posterior_family`
    makes the family) and writes ``forward``.
    """

    image_shape: ImageShape
    family: PosteriorFamily

    @abstractmethod
    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """Statistics of the posterior, (N, family.width).

        Arguments:
            x: (N, C, H, W) in [0, 1].
            noise: (N, family.noise_channels, H, W) where the family has noise channels, else None: planes beside x.

        With the capability ``labels`` it takes a third argument, ``y``: classes, int64 (N,) or one-hot (N, K), or attributes,
        (N, K) of 0, 1 and −1 (not known).
        """

    @final
    @property
    def latent_dim(self) -> int:
        """Width of z."""
        return self.family.latent_dim

    @property
    def capabilities(self) -> frozenset[str]:
        return self.family.capabilities

    @final
    def posterior(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        """q(z given x), or q(z given x, y) with the capability ``labels``, in full precision whatever precision ``forward`` ran in."""
        labels = {} if y is None else {"y": y}
        if self.family.noise_channels:
            noise_shape = (x.shape[0], self.family.noise_channels, *x.shape[2:])
            return Implicit(lambda noise: to_float32(self(x, noise, **labels)), noise_shape, like=x)
        # By its forward: a module's call costs tiny nets as much as what is computed.
        posterior: Posterior = self.family.forward(to_float32(self(x, **labels)))
        return posterior
