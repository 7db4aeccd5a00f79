"""DCGANEncoder: stride-2 convolutions with doubling filters."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from zoo_basics.layers.activation import ActivationName
from zoo_basics.layers.bounds import Categories, Width
from zoo_basics.layers.halving_convolutions import halved_shapes, halving_convolutions
from zoo_basics.layers.image_input import NO_LABELS, ImageInput
from zoo_basics.layers.normal_init import init_normal
from zoo_core.distributions import PosteriorName, SigmaBounds, posterior_family
from zoo_core.interfaces import Encoder, ImageShape, Labels, Tags


class DCGANEncoder(Encoder):
    """The convolutions of DCGAN's discriminator (Radford et al. 2016, section 3), then a linear layer to the
    statistics.

    4x4 convolutions of stride 2 whose filters double from ``width``, batch norm on all but the first, until a side of
    the map is odd or below 8 (so 32, 64 and 128 pixels end at 4x4, 28 at 7x7, 48 at 6x6). x is mapped to [−1, 1] first,
    as there.

    Arguments:
        latent_dim: width of z.
        posterior: form of q(z given x).
        noise_channels: noise planes beside x, for an implicit posterior.
        sigma_bounds: the interval [low, high] that a gaussian or standardised posterior's σ lies in; null leaves it to the posterior.
        categories: width of the label at the front of a joint code.
        conditional: the one-hot class, or the attributes, stand beside x as a plane for each, for q(z given x, y).
        width: filters of the first convolution.
        activation: after each convolution.
        init: ``normal`` draws all weights from N(0, 0.02²), as the paper; ``default`` keeps PyTorch's.

    Raises:
        SettingError: the image has an odd side, or one below 8.
    """

    tags: ClassVar[Tags] = Tags(
        batch_statistics=True, sides_multiple_of=2, smallest_side=8, density=True, conditional=True
    )

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"latent_dim": 6, "width": 8}
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
        width: Width = 64,
        activation: ActivationName = "leaky-relu",
        init: Literal["normal", "default"] = "normal",
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.family = posterior_family(
            posterior, latent_dim, noise_channels=noise_channels, categories=categories, sigma_bounds=sigma_bounds
        )
        self.input = ImageInput(self.family, labels, conditional)
        shapes = halved_shapes(image_shape, width)
        planes = image_shape[0] + self.family.noise_channels + self.input.classes
        self.convolutions = nn.Sequential(*halving_convolutions(planes, shapes, activation, "batch"))
        self.head = nn.Linear(prod(shapes[-1]), self.family.width)
        if init == "normal":
            init_normal(self, 0.02)

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | self.input.capabilities

    def forward(self, x: Tensor, noise: Tensor | None = None, y: Tensor | None = None) -> Tensor:
        """(N, C, H, W) in [0, 1] to the posterior's statistics (N, family.width)."""
        inputs = 2 * x - 1
        if noise is not None:
            inputs = torch.cat([inputs, noise], dim=1)
        inputs = self.input.forward(inputs, y)
        statistics: Tensor = self.head(self.convolutions(inputs).flatten(1))
        return statistics
