"""FlippedDataset: images that are mirrored at random in training; and the drawing of which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from zoo_core.data.made import MadeDataset
from zoo_core.data.order import Order
from zoo_core.errors import DataError, shown
from zoo_core.interfaces.dataset import Dataset, Split, SplitName
from zoo_core.interfaces.tags import IN_WORDS
from zoo_core.noise import derive_seed


@final
class FlippedDataset(MadeDataset):
    """``dataset`` with training images that are mirrored left to right half of the time, each anew in every epoch.

    Whoever goes through the training split in order (metrics, plots) sees its images as they are.

    Raises:
        DataError: no images: points of a space and texts have no left and right.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset)
        if dataset.modality != "image":
            raise DataError(
                f"{shown(dataset.name)} is of {IN_WORDS[dataset.modality]}, which cannot be flipped",
                hint="leave data.flip out",
            )

    def split(self, name: SplitName) -> Split:
        native = self.dataset.split(name)
        if isinstance(native.x, Tensor) and native.x.dtype.is_floating_point:
            raise DataError(
                f"{shown(self.name)} has points and no pictures: they cannot be flipped", hint="leave data.flip out"
            )
        return replace(native, flip=True) if name == "train" else native


def flips(order: Order, epoch: int, batch: int) -> Iterator[Tensor]:
    """Which of this process's rows are mirrored, bool, for each joint batch from a place on, without end.

    As the order itself they depend on (seed, name, epoch) only: the same for any number of processes, and after a resumption.
    """
    while True:
        generator = torch.Generator().manual_seed(derive_seed(order.seed, order.name, epoch, "flip"))
        drawn = torch.randint(2, (order.count,), generator=generator, dtype=torch.bool).to(order.device)
        for joint in drawn.split(order.batch_size)[batch : order.batches_per_epoch]:
            yield joint if order.world == 1 else joint.chunk(order.world)[order.rank]
        epoch, batch = epoch + 1, 0


def mirrored(x: Tensor, which: Tensor) -> Tensor:
    """``x`` (N, C, H, W) with the images at ``which`` (bool (N,)) mirrored left to right."""
    return torch.where(which.to(x.device)[:, None, None, None], x.flip(3), x)
