"""MaxoutCNN: unpadded convolutions with maxout units."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, NamedTuple

from annotated_types import Ge, Le, Lt
from torch import Tensor, nn

from zoo_core.interfaces import FeatureExtractor, ImageShape, Tags


class Conv(NamedTuple):
    """An unpadded convolution: its channels, the side of its kernel, its stride."""

    channels: int
    kernel: int
    stride: int


CONVS = (Conv(32, 5, 1), Conv(64, 4, 2), Conv(128, 4, 1), Conv(256, 4, 2), Conv(512, 4, 1))
"""Of ALI on CIFAR-10 and SVHN (Dumoulin et al. 2017, appendix, Tables 5 and 6): 32x32 to 1x1."""


class MaxoutCNN(FeatureExtractor):
    """How ALI's discriminator sees images of 32x32 (Dumoulin et al. 2017, appendix, Tables 5 and 6): five unpadded convolutions of 32, 64,
    128, 256 and 512 channels, each the largest of several linear maps, to one vector ``conv5``. x is mapped to [−1, 1] first.

    Arguments:
        pieces: linear maps a unit.
        width: channels of the first convolution; the others keep their ratio to it.
        dropout: fraction of each convolution's inputs that is set to zero in train mode.
        init_std: weights from N(0, init_std²), biases 0; with 0, torch's own initialisation.
    """

    tags: ClassVar[Tags] = Tags(stochastic=True, smallest_side=32, largest_side=32, square=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"width": 2}, {"width": 2, "pieces": 3, "dropout": 0.2, "init_std": 0.01}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        pieces: Annotated[int, Ge(2), Le(64)] = 2,
        width: Annotated[int, Ge(1), Le(4096)] = 32,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        init_std: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        channels = image_shape[0]
        for conv in CONVS:
            outputs = conv.channels // CONVS[0].channels * width
            stages += [nn.Dropout(dropout)] if dropout else []
            stages += [Maxout(channels, outputs, pieces, conv.kernel, conv.stride)]
            channels = outputs
        self.stages = nn.Sequential(*stages)
        self.layers = ("conv5",)
        self.shapes = {"conv5": (channels, 1, 1)}
        if init_std:
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.normal_(module.weight, 0.0, init_std)
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """``conv5`` (N, channels, 1, 1) for x (N, C, 32, 32) in [0, 1]."""
        return (self.stages(2 * x - 1),)


class Maxout(nn.Module):
    """Units that are the largest of ``pieces`` linear maps each (Goodfellow et al. 2013), as an unpadded convolution."""

    def __init__(self, inputs: int, outputs: int, pieces: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.pieces = pieces
        self.conv = nn.Conv2d(inputs, outputs * pieces, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H', W')."""
        return self.conv(x).unflatten(1, (-1, self.pieces)).amax(2)
