"""The order in which a stream gives its examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo_core.noise import derive_seed


@dataclass(frozen=True)
class Order:
    """Which examples each process takes, batch after batch, epoch after epoch.

    It knows nothing of images, and holds no place: workers that read ahead can have it without holding the stream.

    Arguments:
        count: how many examples there are.
        batch_size: examples in a joint batch.
        seed, name: what the permutations depend on, beside the epoch.
        rank, world: this process and how many there are.
        drop_last: leave out the examples of an epoch that do not fill a batch.
        shuffle: a new permutation each epoch, rather than 0 … count − 1.
        device: where the indices are to be.
    """

    count: int
    batch_size: int
    seed: int
    name: str
    rank: int
    world: int
    drop_last: bool
    shuffle: bool
    device: torch.device

    @property
    def batches_per_epoch(self) -> int:
        """Joint batches in an epoch."""
        whole, rest = divmod(self.count, self.batch_size)
        return whole if self.drop_last or not rest else whole + 1

    def epoch(self, epoch: int) -> Tensor:
        """All indices, in the order of the epoch's joint batches."""
        if not self.shuffle:
            return torch.arange(self.count, device=self.device)
        # Drawn on the CPU: the same on every device and in every process.
        generator = torch.Generator().manual_seed(derive_seed(self.seed, self.name, epoch))
        return torch.randperm(self.count, generator=generator).to(self.device)

    def rows(self, epoch: int, batch: int) -> Iterator[Tensor]:
        """This process's indices of each joint batch from a place on, without end."""
        while True:
            joint = self.epoch(epoch).split(self.batch_size)[: self.batches_per_epoch]
            for indices in joint[batch:]:
                yield indices if self.world == 1 else indices.chunk(self.world)[self.rank]
            epoch, batch = epoch + 1, 0
