"""From images as the zoo has them to what a net was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Preprocessing(nn.Module):
    """Grey to three channels, resize, normalise.

    Arguments:
        mean, std: of each channel, for x in [0, 1].
        size: (height, width) to resize to; None leaves the size.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        *,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        # Constants of the net, not weights: they are not in its file.
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1 or 3, H, W) in [0, 1] to (N, 3, height, width)."""
        if x.shape[1] == 1:
            x = x.expand(-1, len(self.mean), -1, -1)
        if self.size is not None and tuple(x.shape[2:]) != self.size:
            x = interpolate(x, self.size, mode="bilinear", antialias=True, align_corners=False)
        return (x - self.mean) / self.std
