"""DCGANDecoder: transposed stride-2 convolutions with halving filters."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Gt, Lt
from torch import Tensor, nn

from zoo_basics.layers.activation import ActivationName, activation
from zoo_basics.layers.attribute_logits import AttributeLogits
from zoo_basics.layers.bounds import Width
from zoo_basics.layers.code_input import CodeInput
from zoo_basics.layers.halving_convolutions import halved_shapes
from zoo_basics.layers.normal_init import init_normal
from zoo_core.distributions import LikelihoodName, SigmaSharing, likelihood_family
from zoo_core.interfaces import Decoder, ImageShape, Labels, Tags


class DCGANDecoder(Decoder):
    """DCGAN's generator (Radford et al. 2016, section 3), the mirror of
    :class:`~zoo_basics.encoders.dcgan.DCGANEncoder`.

    A linear layer to the smallest map, then 4x4 transposed convolutions of stride 2 whose filters halve down to
    ``width``, with batch norm and an activation after each; the last gives the picture plain. What squashes it is the
    likelihood (a sigmoid; the paper has tanh, which is the same up to scale).

    Arguments:
        latent_dim: width of z.
        likelihood: form of p(x given z); ``implicit`` has draws, made with noise beside z, and no density.
        noise_dim: numbers of noise of an implicit one; null is as many as z has (GibbsNet, Lamb et al. 2017).
        attributes: it tells the data's attributes, too, p(x, a given z): logits beside the picture.
        sigma: what shares a Gaussian's σ.
        initial_log_sigma: log σ at the start.
        conditional: the one-hot class, or the attributes, stand beside z.
        width: filters before the last convolution.
        activation: after each layer but the last.
        init: ``normal`` draws all weights from N(0, 0.02²), as the paper; ``default`` keeps PyTorch's.

    Raises:
        SettingError: the image has an odd side, or one below 8.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, sides_multiple_of=2, smallest_side=8, conditional=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"latent_dim": 6, "width": 8}
        return [
            small,
            {**small, "conditional": True},
            {**small, "likelihood": "implicit"},
            {**small, "attributes": True, "labels": "attributes"},
        ]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        latent_dim: Width = 64,
        likelihood: LikelihoodName = "gaussian",
        noise_dim: Width | None = None,
        attributes: bool = False,
        sigma: SigmaSharing = "shared",
        initial_log_sigma: Annotated[float, Gt(-6), Lt(6)] = 0.0,
        conditional: bool = False,
        width: Width = 64,
        activation: ActivationName = "relu",
        init: Literal["normal", "default"] = "normal",
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.family = likelihood_family(likelihood, image_shape, sigma=sigma, initial_log_sigma=initial_log_sigma)
        self.code = CodeInput(latent_dim, labels, conditional, likelihood, noise_dim)
        shapes = halved_shapes(image_shape, width)[::-1]
        filters = [channels for channels, _, _ in shapes]
        self.base = nn.Sequential(
            nn.Linear(self.code.width, prod(shapes[0]), bias=False),
            nn.Unflatten(1, shapes[0]),
            *normalised(filters[0], activation),
        )
        self.convolutions = nn.Sequential(
            *(stage(inputs, outputs, activation) for inputs, outputs in pairwise(filters)),
            nn.ConvTranspose2d(filters[-1], image_shape[0], 4, stride=2, padding=1),
        )
        self.attribute_logits = AttributeLogits(prod(shapes[0]), labels, attributes, conditional)
        if init == "normal":
            init_normal(self, 0.02)

    @property
    def capabilities(self) -> frozenset[str]:
        return self.family.capabilities | self.code.capabilities | self.attribute_logits.capabilities

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """(N, latent_dim) to the picture before its squashing, (N, C, H, W), with logits (N, K) where it tells attributes."""
        features = self.base(self.code.forward(z, y))
        told: Tensor | tuple[Tensor, Tensor] = self.attribute_logits.forward(self.convolutions(features), features)
        return told


def stage(inputs: int, outputs: int, name: ActivationName) -> nn.Sequential:
    """One doubling convolution with its batch norm and activation."""
    convolution = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, *normalised(outputs, name))


def normalised(channels: int, name: ActivationName) -> tuple[nn.Module, nn.Module]:
    """Batch norm and an activation."""
    return nn.BatchNorm2d(channels), activation(name)
