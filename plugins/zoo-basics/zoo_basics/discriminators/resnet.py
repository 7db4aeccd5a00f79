"""ResNetDiscriminator: residual blocks with average pooling between."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

from torch import Tensor, nn

from zoo_basics.discriminators.discriminator import Discriminator, spectrally_normalised
from zoo_basics.layers.bounds import Width
from zoo_basics.layers.halving import halved_sizes
from zoo_basics.layers.normalisation import Normalisation, normalised_maps
from zoo_basics.layers.residual_block import residual_widths
from zoo_core.interfaces import ImageShape, Labels, Tags


class ResNetDiscriminator(Discriminator):
    """Residual blocks, average pooling after each, as in the critics of WGAN-GP (Gulrajani et al. 2017, appendix F) and of spectral
    normalisation (Miyato et al. 2018, Table 4): ``block1``, ``block2``, … until a side of the map is odd or below 8; then
    ``features`` and ``score``. x is mapped to [−1, 1] first.

    Arguments:
        width: channels after the first block; they double, to at most 16 times ``width``.
        features: width of the fully connected layer, a ReLU after it.
        layers: what is asked for.
        normalisation: before each activation but that of ``features``.
        spectral_norm: every weight is divided by its largest singular value.
        conditional: the score takes the label into account.

    Raises:
        SettingError: the image has an odd side, or one below 8.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, sides_multiple_of=2, smallest_side=8, conditional=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"width": 4, "features": 12}
        return [
            {**small, "layers": ["block1", "features", "score"]},
            {**small, "normalisation": "layer", "spectral_norm": True, "conditional": True},
            {**small, "normalisation": "batch"},
        ]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        width: Width = 64,
        features: Width = 1024,
        layers: tuple[str, ...] = ("features", "score"),
        normalisation: Normalisation = "none",
        spectral_norm: bool = False,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        sizes = halved_sizes(image_shape)[1:]
        widths = residual_widths(width, len(sizes) - 1)
        blocks = [
            DownBlock(inputs, outputs, normalisation, first=i == 0)
            for i, (inputs, outputs) in enumerate(pairwise([image_shape[0], *widths]))
        ]
        shapes = [(channels, *size) for channels, size in zip(widths, sizes)]
        self.finish(
            "resnet", "block", blocks, shapes, layers=layers, features=features, labels=labels, conditional=conditional
        )
        if spectral_norm:
            spectrally_normalised(self)

    def look(self, x: Tensor) -> Tensor:
        return 2 * x - 1


class DownBlock(nn.Module):
    """pool(conv(ReLU(conv(ReLU(x))))) beside conv1x1(pool(x)), each ReLU after the normalisation; the first block takes the image as
    it is, without the first normalisation and ReLU.

    Arguments:
        inputs, outputs: channels.
        first: it takes the image.
    """

    def __init__(self, inputs: int, outputs: int, normalisation: Normalisation, *, first: bool) -> None:
        super().__init__()
        before = [] if first else [*normalised_maps(inputs, normalisation), nn.ReLU()]
        self.branch = nn.Sequential(
            *before,
            nn.Conv2d(inputs, outputs, 3, padding=1),
            *normalised_maps(outputs, normalisation),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.AvgPool2d(2),
        )
        self.skip = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.branch(x) + self.skip(x)
        return out
