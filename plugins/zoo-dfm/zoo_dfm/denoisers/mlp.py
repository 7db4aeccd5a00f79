"""MLPDenoiser: a deep stack of linear layers."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le
from torch import Tensor, nn

from zoo_core.interfaces import ImageShape, Part, Tags


class MLPDenoiser(Part):
    """Linear layers of one width with batch norm and ReLU after each, then a linear layer back to the features (section 5 of
    Warde-Farley and Bengio 2017: batch norm everywhere but at the output).

    Arguments:
        image_shape: (C, H, W) of what is denoised; a vector of D features is (D, 1, 1).
        width: units of each hidden layer; 0 is as many as there are features, the least for which the paper found the number not
            to matter. Never fewer than there are features.
        depth: how many hidden layers.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"depth": 2}, {"width": 4096, "depth": 1}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        width: Annotated[int, Ge(0), Le(65_536)] = 0,
        depth: Annotated[int, Ge(1), Le(64)] = 10,
    ) -> None:
        super().__init__()
        features = prod(image_shape)
        self.width = max(width, features)
        layers: list[nn.Module] = [nn.Flatten()]
        inputs = features
        for _ in range(depth):
            layers += [nn.Linear(inputs, self.width, bias=False), nn.BatchNorm1d(self.width), nn.ReLU(inplace=True)]
            inputs = self.width
        self.net = nn.Sequential(*layers, nn.Linear(inputs, features))

    def forward(self, h: Tensor) -> Tensor:
        """Corrupted features (N, D) or (N, C, H, W) to clean ones of the same shape."""
        output: Tensor = self.net(h)
        return output.view(h.shape)
