"""FeatureExtractor: x to named activations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import final

from torch import Tensor

from zoo_core.distributions.posteriors import promote
from zoo_core.interfaces.component import Part


class FeatureExtractor(Part):
    """Maps images (N, C, H, W) in [0, 1] to activations of named layers, maps as NCHW and vectors as (N, D).

    It owns its normalisation and resizing: whoever uses it gives x in [0, 1]. Modules after the last asked layer are
    dropped. A subclass sets ``layers`` and ``shapes`` in ``__init__`` and writes ``forward``. A classifier's head is
    the layer ``logits``, a discriminator's the layer ``score``: one raw number (N, 1), large for what it takes for real.
    """

    layers: tuple[str, ...]
    """The asked layers, in the order in which ``forward`` returns them."""

    shapes: Mapping[str, tuple[int, ...]]
    """Layer to the shape of its activation for one example: (C, H, W) or (D,)."""

    @abstractmethod
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The activations of ``layers``. With the capability ``labels`` it takes a second argument, y int64 (N,), −1 = unlabelled."""

    @property
    def capabilities(self) -> frozenset[str]:
        """``logits`` and ``score`` where these layers were asked for."""
        return frozenset({"logits", "score"} & set(self.layers))

    @final
    def features(self, x: Tensor, y: Tensor | None = None) -> dict[str, Tensor]:
        """Layer to activation, in full precision, for x (N, C, H, W) in [0, 1] and, with the capability ``labels``, y (N,)."""
        activations = self(x) if y is None else self(x, y)
        return {layer: promote(activation) for layer, activation in zip(self.layers, activations, strict=True)}
