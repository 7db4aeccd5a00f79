"""Toy parts."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn

from zoo_core.distributions.posteriors import posterior_family
from zoo_core.interfaces import Encoder, FeatureExtractor, ImageShape, Part, Prior


class Net(FeatureExtractor):
    """Two convolutions; ``weights="default"`` stands for published weights (all 0.1), a table for a reference to them."""

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        weights: Literal["default"] | dict[str, str] | None = None,
        width: Annotated[int, Ge(1)] = 3,
        layers: tuple[Literal["a", "b"], ...] = ("a", "b"),
    ) -> None:
        super().__init__()
        channels, height, width_px = image_shape
        self.layers = layers
        self.shapes = dict.fromkeys(layers, (width, height, width_px))
        self.a = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width))
        self.b = nn.Conv2d(width, width, 3, padding=1)
        if weights is not None:
            self.weights_reference: Mapping[str, Any] = {
                "repo": "toys/net",
                "commit": "0" * 40,
                "file": "x",
                "sha256": "1" * 64,
            }
            for parameter in self.parameters():
                nn.init.constant_(parameter, 0.1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        a = self.a(x)
        given = {"a": a, "b": self.b(torch.relu(a))}
        return tuple(given[layer] for layer in self.layers)


class DropoutEncoder(Encoder):
    """What makes training depend on the global generator and on running statistics."""

    def __init__(self, *, image_shape: ImageShape, latent_dim: Annotated[int, Ge(1)] = 4) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.family = posterior_family("gaussian", latent_dim)
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.Linear(prod(image_shape), 16),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(16, self.family.width),
        )

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        statistics: Tensor = self.net(x)
        return statistics


class Critic(Part):
    """Pictures to a score."""

    inputs: ClassVar[tuple[str, ...]] = ("x",)

    def __init__(self, *, image_shape: ImageShape) -> None:
        super().__init__()
        self.score = nn.Linear(prod(image_shape), 1)

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = self.score(x.flatten(1))
        return score


class Bomb(Prior):
    """A component whose constructor fails by mistake."""

    def __init__(self, *, latent_dim: int = 4) -> None:
        super().__init__()
        raise KeyError("oh no")

    def sample(self, n: int, noise: Any, y: Tensor | None = None, name: str = "prior") -> Tensor:
        raise AssertionError
