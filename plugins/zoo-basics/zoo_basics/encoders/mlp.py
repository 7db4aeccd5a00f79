"""MLPEncoder: fully connected layers."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Lt, MaxLen, MinLen
from torch import Tensor

from zoo_basics.layers.activation import ActivationName
from zoo_basics.layers.bounds import Categories, Width
from zoo_basics.layers.corruption import corruption
from zoo_basics.layers.fully_connected import fully_connected, fully_connected_head
from zoo_basics.layers.image_input import NO_LABELS, ImageInput
from zoo_basics.layers.normal_init import init_normal
from zoo_core.distributions import PosteriorName, SigmaBounds, posterior_family
from zoo_core.interfaces import Encoder, ImageShape, Labels, Tags


class MLPEncoder(Encoder):
    """Linear layers with an activation after each, then a linear layer to the posterior's statistics.

    Arguments:
        latent_dim: width of z.
        posterior: form of q(z given x).
        noise_channels: noise planes beside x, for an implicit posterior.
        sigma_bounds: the interval [low, high] that a gaussian or standardised posterior's σ lies in; null leaves it to the posterior.
        categories: width of the label at the front of a joint code.
        conditional: the one-hot class, or the attributes, stand beside x, for q(z given x, y).
        hidden: widths of the hidden layers, from x to z.
        activation: after each hidden layer.
        batch_norm: before each activation.
        batch_norm_head: on the posterior's statistics.
        input_noise: standard deviation of Gaussian noise on x in train mode.
        input_dropout: fraction of x set to zero in train mode, the rest scaled up.
        init_std: weights from N(0, init_std²), biases 0; with 0, torch's own initialisation.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, density=True, conditional=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"hidden": [32], "posterior": "gaussian"},
            {"hidden": [32], "posterior": "deterministic", "batch_norm": True},
            {"hidden": [32], "posterior": "implicit"},
            {"hidden": [32], "posterior": "standardised"},
            {"hidden": [32], "sigma_bounds": [0.1, 1.0]},
            {"hidden": [32], "posterior": "joint", "categories": 10, "batch_norm_head": True, "init_std": 0.05},
            {"hidden": [32], "posterior": "deterministic", "input_noise": 0.3, "input_dropout": 0.2},
            {"hidden": [32], "conditional": True},
            {"hidden": [32], "posterior": "implicit", "conditional": True},
        ]

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
        hidden: Annotated[tuple[Width, ...], MinLen(1), MaxLen(64)] = (1000, 1000),
        activation: ActivationName = "relu",
        batch_norm: bool = False,
        batch_norm_head: bool = False,
        input_noise: Annotated[float, Ge(0)] = 0.0,
        input_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        init_std: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.family = posterior_family(
            posterior, latent_dim, noise_channels=noise_channels, categories=categories, sigma_bounds=sigma_bounds
        )
        self.input = ImageInput(self.family, labels, conditional)
        channels, height, width = image_shape
        inputs = (channels + self.family.noise_channels) * height * width + self.input.classes
        self.corruption = corruption(input_noise, input_dropout)
        self.hidden = fully_connected((inputs, *hidden), activation, batch_norm)
        self.head = fully_connected_head(hidden[-1], self.family.width, batch_norm_head)
        if init_std:
            init_normal(self, init_std)

    @property
    def capabilities(self) -> frozenset[str]:
        own = frozenset({"stochastic"}) if len(self.corruption) else frozenset()
        return super().capabilities | self.input.capabilities | own

    def forward(self, x: Tensor, noise: Tensor | None = None, y: Tensor | None = None) -> Tensor:
        """(N, C, H, W) in [0, 1] to the posterior's statistics (N, family.width)."""
        x = self.corruption(x)
        inputs = x if noise is None else torch.cat([x, noise], dim=1)
        statistics: Tensor = self.head(self.hidden(self.input.forward(inputs.flatten(1), y)))
        return statistics
