"""Head: z to logits."""

from __future__ import annotations

from abc import abstractmethod
from typing import final

from torch import Tensor

from zoo_core.distributions.posterior import to_float32
from zoo_core.interfaces.component import Part


class Head(Part):
    """Maps codes (N, latent_dim) to logits (N, outputs), of classes or of attributes.

    A subclass sets ``latent_dim`` and ``outputs`` in ``__init__`` and writes ``forward``.
    """

    latent_dim: int

    outputs: int
    """How many logits there are: one for each label and, with the capability ``head.fake``, one more at the end, which is large for
    codes of images that are not real."""

    attributes: tuple[str, ...] = ()
    """Which of the model's attributes its logits stand for, in this order; empty where they stand for all of its labels."""

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """Logits (N, outputs) of the codes z (N, latent_dim)."""

    @final
    def logits(self, z: Tensor) -> Tensor:
        """Logits (N, outputs), in full precision."""
        return to_float32(self(z))

    def directions(self) -> Tensor:
        """Each logit's slope, (outputs, latent_dim), the same at every code: where to move a code for more of it. Only with the
        capability ``head.linear``."""
        raise TypeError(f"{type(self).__name__} is not linear")
