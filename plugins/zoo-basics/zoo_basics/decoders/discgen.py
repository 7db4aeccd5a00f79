"""DiscgenDecoder: the decoder of discriminative regularization's CelebA model."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, ClassVar

from annotated_types import Gt, Lt
from torch import Tensor, nn

from zoo_basics.layers.attribute_logits import AttributeLogits
from zoo_basics.layers.bounds import Width
from zoo_basics.layers.code_input import CodeInput
from zoo_basics.layers.halving import sizes_halved_exactly
from zoo_basics.layers.normal_init import init_normal
from zoo_core.distributions import LikelihoodName, SigmaSharing, likelihood_family
from zoo_core.interfaces import Decoder, ImageShape, Labels, Tags

STAGES = 4


class DiscgenDecoder(Decoder):
    """The mirror of :class:`~zoo_basics.encoders.discgen.DiscgenEncoder`.

    One hidden linear layer, a linear layer to the smallest map, four stages of a transposed 2x2 convolution of stride 2
    and two 3x3 convolutions with halving widths, batch norm and ReLU after each, then a 1x1 convolution to the picture.
    Weights start at N(0, 0.033²). The net follows the published code of Lamb et al. 2016.

    Arguments:
        latent_dim: width of z.
        likelihood: form of p(x given z); ``implicit`` has draws, made with noise beside z, and no density.
        noise_dim: numbers of noise of an implicit one; null is as many as z has (GibbsNet, Lamb et al. 2017).
        attributes: it tells the data's attributes, too, p(x, a given z): logits beside the picture.
        sigma: what shares a Gaussian's σ; the paper has one a ``unit``.
        initial_log_sigma: log σ at the start.
        conditional: the one-hot class, or the attributes, stand beside z.
        width: channels of the last stage.
        hidden: units of the first linear layer.

    Raises:
        SettingError: a side of the image is not divisible by 16.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, sides_multiple_of=16, smallest_side=16, conditional=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"latent_dim": 6, "width": 4, "hidden": 16}
        return [small, {**small, "conditional": True}, {**small, "attributes": True, "labels": "attributes"}]

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
        width: Width = 32,
        hidden: Width = 1000,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.family = likelihood_family(likelihood, image_shape, sigma=sigma, initial_log_sigma=initial_log_sigma)
        self.code = CodeInput(latent_dim, labels, conditional, likelihood, noise_dim)
        map_height, map_width = sizes_halved_exactly(image_shape, STAGES)[-1]
        widths = [*(width * 2**i for i in reversed(range(STAGES))), width]
        units = widths[0] * map_height * map_width
        self.base = nn.Sequential(
            nn.Linear(self.code.width, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, units, bias=False),
            nn.BatchNorm1d(units),
            nn.ReLU(inplace=True),
            nn.Unflatten(1, (widths[0], map_height, map_width)),
        )
        self.stages = nn.Sequential(*(stage(inputs, outputs) for inputs, outputs in pairwise(widths)))
        self.head = nn.Conv2d(width, image_shape[0], 1)
        self.attribute_logits = AttributeLogits(units, labels, attributes, conditional)
        init_normal(self, 0.033)

    @property
    def capabilities(self) -> frozenset[str]:
        return self.family.capabilities | self.code.capabilities | self.attribute_logits.capabilities

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """(N, latent_dim) to the picture before its squashing, (N, C, H, W), with logits (N, K) where it tells attributes."""
        features = self.base(self.code.forward(z, y))
        told: Tensor | tuple[Tensor, Tensor] = self.attribute_logits.forward(self.head(self.stages(features)), features)
        return told


def stage(inputs: int, outputs: int) -> nn.Sequential:
    """A doubling 2x2 transposed convolution and two 3x3 ones, each with batch norm and ReLU."""
    shapes: list[tuple[nn.Module, int]] = [
        (nn.ConvTranspose2d(inputs, inputs, 2, stride=2, bias=False), inputs),
        (nn.Conv2d(inputs, inputs, 3, padding=1, bias=False), inputs),
        (nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), outputs),
    ]
    layers = [[convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)] for convolution, channels in shapes]
    return nn.Sequential(*(layer for three in layers for layer in three))
