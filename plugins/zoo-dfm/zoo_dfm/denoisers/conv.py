"""ConvDenoiser: a stack of convolutions."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le
from torch import Tensor, nn

from zoo_core.interfaces import ImageShape, Part, Tags


class ConvDenoiser(Part):
    """3x3 convolutions of one width with batch norm and ReLU after each, then one back to the feature maps: the convolutional denoiser
    that Warde-Farley and Bengio 2017, section 5, mention (without saying how theirs was built).

    Arguments:
        image_shape: (C, H, W) of the feature maps.
        width: channels of each hidden layer; 0 is as many as there are maps. Never fewer than there are maps.
        depth: how many hidden layers.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"depth": 2}, {"width": 8, "depth": 1}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        width: Annotated[int, Ge(0), Le(16_384)] = 0,
        depth: Annotated[int, Ge(1), Le(64)] = 4,
    ) -> None:
        super().__init__()
        maps = inputs = image_shape[0]
        self.width = max(width, maps)
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [
                nn.Conv2d(inputs, self.width, 3, padding=1, bias=False),
                nn.BatchNorm2d(self.width),
                nn.ReLU(inplace=True),
            ]
            inputs = self.width
        self.net = nn.Sequential(*layers, nn.Conv2d(inputs, maps, 3, padding=1))

    def forward(self, h: Tensor) -> Tensor:
        """Corrupted feature maps (N, C, H, W) to clean ones."""
        output: Tensor = self.net(h)
        return output
