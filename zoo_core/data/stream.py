"""An endless, resumable sequence of shuffled batches, and the batches of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import final

import torch

from zoo_core.data.flipped import flips, mirrored
from zoo_core.data.order import Order
from zoo_core.data.source import Source
from zoo_core.errors import DataError, shown
from zoo_core.interfaces.batch import Batch


@final
class Stream:
    """Batches of ``source``, epoch after epoch, each epoch in an order of its own.

    The order of epoch e is a permutation that depends on (seed, name, e) only, so every process knows it, and a place
    in it is two integers. A *joint batch* is ``batch_size`` examples; process ``rank`` of ``world`` gets the rank-th
    of its equal chunks, so that joint batches are the same whatever the number of processes. Which images of a split that says so
    are mirrored is drawn in the same manner.

    Arguments:
        source: where examples come from.
        batch_size: examples in a joint batch.
        seed: of the orders.
        name: the stream's name; streams of other names have other orders.
        rank: number of this process.
        world: how many processes there are.
        drop_last: leave out the examples of an epoch that do not fill a batch. With several processes always.
        shuffle: give examples in a new order each epoch, rather than in the source's order.
        dtype: floating-point type of the images.

    Raises:
        DataError: ``batch_size`` is not positive or not a multiple of ``world``; fewer examples than a batch; a short
            last batch with several processes.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        seed: int,
        name: str = "main",
        *,
        rank: int = 0,
        world: int = 1,
        drop_last: bool = True,
        shuffle: bool = True,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if batch_size < 1 or batch_size % world:
            raise DataError(
                f"batch size {batch_size} cannot be shared out evenly among {world} processes",
                hint=f"choose a multiple of {world}",
            )
        if drop_last and len(source) < batch_size:
            raise DataError(
                f'the "{shown(name)}" data have {len(source)} examples, fewer than a batch of {batch_size}',
                hint=f"--set training.batch_size={len(source)} or less",
                examples=len(source),
            )
        if not drop_last and world > 1:
            raise DataError("a short last batch cannot be shared out evenly among processes", hint="use drop_last=True")
        self.source = source
        self.dtype = dtype
        self._order = Order(len(source), batch_size, seed, name, rank, world, drop_last, shuffle, source.index_device)
        self._epoch = self._batch = 0
        self._batches: Iterator[Batch] | None = None

    @property
    def batch_size(self) -> int:
        """Examples in a joint batch."""
        return self._order.batch_size

    @property
    def batches_per_epoch(self) -> int:
        """Joint batches in an epoch."""
        return self._order.batches_per_epoch

    @property
    def position(self) -> tuple[int, int]:
        """(epoch, batch) of the batch that :meth:`next` will give."""
        return self._epoch, self._batch

    def next(self) -> Batch:
        """This process's rows of the next joint batch."""
        if self._batches is None:
            self._batches = self._from(self._epoch, self._batch)
        batch = next(self._batches)
        self._batch += 1
        if self._batch == self.batches_per_epoch:
            self._epoch, self._batch = self._epoch + 1, 0
        return batch

    def _from(self, epoch: int, batch: int) -> Iterator[Batch]:
        batches = self.source.batches(self._order.rows(epoch, batch), self.dtype)
        if not self.source.flip:
            return batches
        return (replace(one, x=mirrored(one.x, which)) for one, which in zip(batches, flips(self._order, epoch, batch)))

    def seek(self, epoch: int, batch: int = 0) -> None:
        """Go to a place; what lies before it is not read.

        Raises:
            DataError: there is no such place.
        """
        if epoch < 0 or not 0 <= batch < self.batches_per_epoch:
            raise DataError(
                f'the "{shown(self._order.name)}" data have no epoch {epoch}, batch {batch}: '
                f"an epoch has {self.batches_per_epoch} batches"
            )
        self._epoch, self._batch = epoch, batch
        self._batches = None

    def state(self) -> dict[str, int]:
        """The place, for a checkpoint."""
        return {"epoch": self._epoch, "batch": self._batch}

    def restore(self, state: Mapping[str, int]) -> None:
        """Go to the place that :meth:`state` gave."""
        self.seek(state["epoch"], state["batch"])


def evaluation_batches(
    source: Source, batch_size: int, dtype: torch.dtype = torch.float32, *, limit: int | None = None
) -> Iterator[Batch]:
    """The first ``limit`` examples in the source's order, all where it is None; the last batch may be short."""
    count = len(source) if limit is None else min(limit, len(source))
    return source.batches(torch.arange(count, device=source.index_device).split(batch_size), dtype)
