"""Toys with a net inside."""

from __future__ import annotations

from typing import Annotated, Any, cast

from annotated_types import Ge
from torch import Tensor, nn
from zoo_features.weights import fetch

from zoo_core.building.builder import build_part
from zoo_core.distributions import LikelihoodFamily
from zoo_core.interfaces import Decoder, FeatureExtractor, ImageShape, Nested, PartNoise


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


class Noisy(Decoder):
    """Any decoder behind noise on the code."""

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        latent_dim: Annotated[int, Ge(1)] = 8,
        net: Nested[Decoder] = Nested("zoo-basics:mlp"),
    ) -> None:
        super().__init__()
        self.image_shape, self.latent_dim = image_shape, latent_dim
        self.net = net.build(latent_dim=latent_dim)
        self.noise = PartNoise()

    @property
    def family(self) -> LikelihoodFamily:  # type: ignore[override]
        """That of the net."""
        return self.net.family

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        output: Tensor = self.net(z + 0.5 * self.noise.normal(z))
        return output
