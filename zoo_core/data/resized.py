"""A data set at another image size."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from zoo_core.interfaces.dataset import Dataset, Images, Split, SplitName

CHUNK = 1024
"""Images resized at a time: the float copy of a chunk stays small beside the set."""


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 (N, C, H, W) resized to ``size`` = (height, width): bilinear, antialiased when shrinking, rounded to
    uint8."""
    done = x.new_empty((len(x), x.shape[1], *size))
    for start in range(0, len(x), CHUNK):
        part = x[start : start + CHUNK].to(torch.float32)
        part = F.interpolate(part, size=size, mode="bilinear", align_corners=False, antialias=True)
        done[start : start + CHUNK] = part.round_().clamp_(0, 255).to(torch.uint8)
    return done


@final
class ResizedImages:
    """Images that are read, and resized, one at a time."""

    def __init__(self, images: Images, size: tuple[int, int]) -> None:
        self.images = images
        self.size = size

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return resize(self.images[index][None], self.size)[0]


@final
class ResizedDataset(Dataset):
    """``dataset`` with every image resized to ``size`` = (height, width); the ratio of the sides is not kept."""

    def __init__(self, dataset: Dataset, size: tuple[int, int]) -> None:
        self.dataset = dataset
        self.size = size
        self.name = dataset.name
        self.image_shape = (dataset.image_shape[0], *size)
        self.labels = dataset.labels
        self.modality = dataset.modality

    def split(self, name: SplitName) -> Split:
        native = self.dataset.split(name)
        x = resize(native.x, self.size) if isinstance(native.x, Tensor) else ResizedImages(native.x, self.size)
        return Split(x, native.y, native.attributes, native.groups)
