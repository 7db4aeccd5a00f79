"""Toy discriminators that build a net by themselves from what their settings say."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, nn
from zoo_features.weights import fetch

from zoo_core.building import build_part
from zoo_core.interfaces import FeatureExtractor, ImageShape


class Nest(FeatureExtractor):
    """A score on a net that is built from a bare table; ``inside`` names weights under a name that the core does not know."""

    def __init__(self, *, image_shape: ImageShape, net: dict[str, Any], inside: str = "") -> None:
        super().__init__()
        if inside:
            fetch(inside, None, "toy-nest")
        self.net = cast(FeatureExtractor, build_part("feature-extractor", net, image_shape=image_shape))
        self.head = nn.LazyLinear(1)
        self.layers = ("score",)
        self.shapes = {"score": (1,)}

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        score: Tensor = self.head(self.net(x)[-1].flatten(1))
        return (score,)
