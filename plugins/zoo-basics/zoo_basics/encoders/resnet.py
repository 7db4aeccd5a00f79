"""ResNetEncoder: residual blocks with average pooling between."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from zoo_basics.layers.bounds import Categories, Width
from zoo_basics.layers.halving import halved_sizes
from zoo_basics.layers.image_input import NO_LABELS, ImageInput
from zoo_basics.layers.residual_block import ResidualBlock, residual_widths
from zoo_core.distributions import PosteriorName, SigmaBounds, posterior_family
from zoo_core.interfaces import Encoder, ImageShape, Labels, Tags


class ResNetEncoder(Encoder):
    """A 5x5 convolution, batch norm, LReLU 0.2 and average pooling, then residual blocks with average pooling between.

    One halving and one block for each halving that the image's sides allow (until one is odd or below 8). Channels
    double from ``width`` to at most 16 times ``width``: at 128 pixels and ``width`` 32 the blocks have 64, 128, 256,
    512 and 512 of them, as in IntroVAE (Huang et al. 2018) and IntroVAC.

    Arguments:
        latent_dim: width of z.
        posterior: form of q(z given x).
        noise_channels: noise planes beside x, for an implicit posterior.
        sigma_bounds: the interval [low, high] that a gaussian or standardised posterior's σ lies in; null leaves it to the posterior.
        categories: width of the label at the front of a joint code.
        conditional: the one-hot class, or the attributes, stand beside x as a plane for each, for q(z given x, y).
        width: channels of the first convolution.

    Raises:
        SettingError: the image has an odd side, or one below 8.
    """

    tags: ClassVar[Tags] = Tags(
        batch_statistics=True, sides_multiple_of=2, smallest_side=8, density=True, conditional=True
    )

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"latent_dim": 6, "width": 4}
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
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.family = posterior_family(
            posterior, latent_dim, noise_channels=noise_channels, categories=categories, sigma_bounds=sigma_bounds
        )
        self.input = ImageInput(self.family, labels, conditional)
        sizes = halved_sizes(image_shape)
        widths = residual_widths(width, len(sizes) - 1)
        self.stem = nn.Sequential(
            nn.Conv2d(
                image_shape[0] + self.family.noise_channels + self.input.classes, width, 5, padding=2, bias=False
            ),
            nn.BatchNorm2d(width),
            nn.LeakyReLU(0.2, inplace=True),
        )
        # Each block sees the map halved: pooling stands between the stem and the first, and between each two.
        self.blocks = nn.Sequential(
            *(nn.Sequential(nn.AvgPool2d(2), ResidualBlock(inputs, outputs)) for inputs, outputs in pairwise(widths))
        )
        map_height, map_width = sizes[-1]
        self.head = nn.Linear(widths[-1] * map_height * map_width, self.family.width)

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | self.input.capabilities

    def forward(self, x: Tensor, noise: Tensor | None = None, y: Tensor | None = None) -> Tensor:
        """(N, C, H, W) in [0, 1] to the posterior's statistics (N, family.width)."""
        inputs = x if noise is None else torch.cat([x, noise], dim=1)
        inputs = self.input.forward(inputs, y)
        statistics: Tensor = self.head(self.blocks(self.stem(inputs)).flatten(1))
        return statistics
