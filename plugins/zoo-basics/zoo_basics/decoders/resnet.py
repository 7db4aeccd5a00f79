"""ResNetDecoder: residual blocks with upsampling between."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, ClassVar

from annotated_types import Gt, Lt
from torch import Tensor, nn

from zoo_basics.layers.attribute_logits import AttributeLogits
from zoo_basics.layers.bounds import Width
from zoo_basics.layers.code_input import CodeInput
from zoo_basics.layers.halving import halved_sizes
from zoo_basics.layers.residual_block import ResidualBlock, residual_widths
from zoo_core.distributions import LikelihoodName, SigmaSharing, likelihood_family
from zoo_core.interfaces import Decoder, ImageShape, Labels, Tags


class ResNetDecoder(Decoder):
    """The mirror of :class:`~zoo_basics.encoders.resnet.ResNetEncoder`, as in IntroVAE (Huang et al. 2018) and
    IntroVAC.

    A linear layer with ReLU to the smallest map, residual blocks each followed by nearest-neighbour upsampling, and a
    5x5 convolution to the picture.

    Arguments:
        latent_dim: width of z.
        likelihood: form of p(x given z); ``implicit`` has draws, made with noise beside z, and no density.
        noise_dim: numbers of noise of an implicit one; null is as many as z has (GibbsNet, Lamb et al. 2017).
        attributes: it tells the data's attributes, too, p(x, a given z): logits beside the picture.
        sigma: what shares a Gaussian's σ.
        initial_log_sigma: log σ at the start.
        conditional: the one-hot class, or the attributes, stand beside z.
        width: channels before the last convolution.

    Raises:
        SettingError: the image has an odd side, or one below 8.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, sides_multiple_of=2, smallest_side=8, conditional=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"latent_dim": 6, "width": 4}
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
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.family = likelihood_family(likelihood, image_shape, sigma=sigma, initial_log_sigma=initial_log_sigma)
        self.code = CodeInput(latent_dim, labels, conditional, likelihood, noise_dim)
        sizes = halved_sizes(image_shape)
        widths = residual_widths(width, len(sizes) - 1)[::-1]
        map_height, map_width = sizes[-1]
        self.base = nn.Sequential(
            nn.Linear(self.code.width, widths[0] * map_height * map_width),
            nn.ReLU(inplace=True),
            nn.Unflatten(1, (widths[0], map_height, map_width)),
        )
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(ResidualBlock(inputs, outputs), nn.Upsample(scale_factor=2, mode="nearest"))
                for inputs, outputs in pairwise(widths)
            )
        )
        self.head = nn.Conv2d(widths[-1], image_shape[0], 5, padding=2)
        self.attribute_logits = AttributeLogits(widths[0] * map_height * map_width, labels, attributes, conditional)

    @property
    def capabilities(self) -> frozenset[str]:
        return self.family.capabilities | self.code.capabilities | self.attribute_logits.capabilities

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """(N, latent_dim) to the picture before its squashing, (N, C, H, W), with logits (N, K) where it tells attributes."""
        features = self.base(self.code.forward(z, y))
        told: Tensor | tuple[Tensor, Tensor] = self.attribute_logits.forward(self.head(self.blocks(features)), features)
        return told
