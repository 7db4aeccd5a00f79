"""Decoder: z to p(x given z). A GAN's generator is one."""

from __future__ import annotations

from abc import abstractmethod
from typing import final

from torch import Tensor

from zoo_core.distributions.attributes import Attributes
from zoo_core.distributions.likelihoods import Implicit, Likelihood, LikelihoodFamily
from zoo_core.distributions.posterior import to_float32
from zoo_core.interfaces.batch import ImageShape
from zoo_core.interfaces.component import Part
from zoo_core.interfaces.part_noise import PartNoise, drawing
from zoo_core.noise import Noise


class Decoder(Part):
    """Maps codes (N, latent_dim) to a likelihood over images (N, C, H, W).

    A subclass sets ``image_shape``, ``latent_dim`` and ``family`` (a submodule, from
    :func:`zoo_core.distributions.likelihood_family`) in ``__init__`` and writes ``forward``.
    """

    image_shape: ImageShape
    latent_dim: int
    family: LikelihoodFamily

    @abstractmethod
    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """The picture before its squashing, (N, C, H, W); with the capability ``likelihood.attributes`` a pair of it and of the logits of
        the data's attributes, (N, K).

        With an ``implicit`` family it draws noise beside z, by :class:`~zoo_core.interfaces.PartNoise`.

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
        """p(x given z), in full precision; its ``mean`` is the picture that is shown. With the capability ``likelihood.attributes``
        its ``attributes`` are p(a given z)."""
        output = self(z) if y is None else self(z, y)
        picture, logits = output if isinstance(output, tuple) else (output, None)
        # By its forward: a module's call costs tiny nets as much as what is computed.
        likelihood: Likelihood = self.family.forward(to_float32(picture))
        if logits is not None:
            likelihood.attributes = Attributes(to_float32(logits))
        if isinstance(likelihood, Implicit):
            likelihood.draw = lambda noise, name: self._drawn(z, y, noise, name)
        return likelihood

    def _drawn(self, z: Tensor, y: Tensor | None, noise: Noise, name: str) -> Tensor:
        """The picture for other draws of what the forward draws."""
        with drawing([one for one in self.modules() if isinstance(one, PartNoise)], noise, name):
            return self.likelihood(z, y).mean
