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
    the layer ``logits``.
    """

    layers: tuple[str, ...]
    """The asked layers, in the order in which ``forward`` returns them."""

    shapes: Mapping[str, tuple[int, ...]]
    """Layer to the shape of its activation for one example: (C, H, W) or (D,)."""

    @abstractmethod
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The activations of ``layers``."""

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"logits"}) if "logits" in self.layers else frozenset()

    @final
    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Layer to activation, in full precision, for x (N, C, H, W) in [0, 1]."""
        return {layer: promote(activation) for layer, activation in zip(self.layers, self(x), strict=True)}
