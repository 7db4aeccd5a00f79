"""DiscgenEncoder: the encoder of discriminative regularization's CelebA model."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from zoo_basics.layers.bounds import Categories, Width
from zoo_basics.layers.halving import sizes_halved_exactly
from zoo_basics.layers.image_input import NO_LABELS, ImageInput
from zoo_basics.layers.normal_init import init_normal
from zoo_core.distributions import PosteriorName, SigmaBounds, posterior_family
from zoo_core.interfaces import Encoder, ImageShape, Labels, Tags

STAGES = 4


class DiscgenEncoder(Encoder):
    """Four stages of two 3x3 convolutions and a 2x2 one of stride 2, widths doubling, then one hidden linear layer.

    Batch norm and ReLU follow every layer but the last; weights start at N(0, 0.033²). This is the net of the published
    code of Lamb et al. 2016, with ``width`` 32, ``hidden`` 1000 and there ``latent_dim`` 500 at 64x64 pixels.

    Arguments:
        latent_dim: width of z.
        posterior: form of q(z given x).
        noise_channels: noise planes beside x, for an implicit posterior.
        sigma_bounds: the interval [low, high] that a gaussian or standardised posterior's σ lies in; null leaves it to the posterior.
        categories: width of the label at the front of a joint code.
        conditional: the one-hot class, or the attributes, stand beside x as a plane for each, for q(z given x, y).
        width: channels of the first stage.
        hidden: units of the linear layer before the statistics.

    Raises:
        SettingError: a side of the image is not divisible by 16.
    """

    tags: ClassVar[Tags] = Tags(
        batch_statistics=True, sides_multiple_of=16, smallest_side=16, density=True, conditional=True
    )

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"latent_dim": 6, "width": 4, "hidden": 16}
        return [small, {**small, "posterior": "implicit"}, {**small, "conditional": True}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels = NO_LABELS,
        latent_dim: Width = 64,
        posterior: PosteriorName = "gaussian",
        noise_channels: Width = 1,
        sigma_bounds: SigmaBounds = None,
        categories: Categories = 0,
        conditional: bool = False,
        width: Width = 32,
        hidden: Width = 1000,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.family = posterior_family(
            posterior, latent_dim, noise_channels=noise_channels, categories=categories, sigma_bounds=sigma_bounds
        )
        self.input = ImageInput(self.family, labels, conditional)
        map_height, map_width = sizes_halved_exactly(image_shape, STAGES)[-1]
        widths = [
            image_shape[0] + self.family.noise_channels + self.input.classes,
            *(width * 2**i for i in range(STAGES)),
        ]
        self.stages = nn.Sequential(*(stage(inputs, outputs) for inputs, outputs in pairwise(widths)))
        self.hidden = nn.Sequential(
            nn.Linear(widths[-1] * map_height * map_width, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Linear(hidden, self.family.width)
        init_normal(self, 0.033)

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | self.input.capabilities

    def forward(self, x: Tensor, noise: Tensor | None = None, y: Tensor | None = None) -> Tensor:
        """(N, C, H, W) in [0, 1] to the posterior's statistics (N, family.width)."""
        inputs = x if noise is None else torch.cat([x, noise], dim=1)
        inputs = self.input.forward(inputs, y)
        statistics: Tensor = self.head(self.hidden(self.stages(inputs).flatten(1)))
        return statistics


def stage(inputs: int, outputs: int) -> nn.Sequential:
    """3x3, 3x3 and a halving 2x2 convolution, each with batch norm and ReLU."""
    shapes = [
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.Conv2d(outputs, outputs, 2, stride=2, bias=False),
    ]
    layers = [[convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)] for convolution in shapes]
    return nn.Sequential(*(layer for three in layers for layer in three))
