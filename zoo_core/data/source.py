"""A split made ready for drawing batches: on the device, or streamed through a DataLoader."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as IndexedDataset

from zoo_core.data.memory import free_bytes
from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch, ImageShape
from zoo_core.interfaces.dataset import Images, Split
from zoo_core.interfaces.vocabulary import Modality

READ_AHEAD = 10_000
"""Images read one at a time are still read into memory first, where they fit and are no more than this: it takes
seconds, and every epoch after is free of decoding."""

COUNTED = {"image": "images", "vector": "points", "tokens": "windows"}
"""What the examples of a modality are called where they are counted."""


class Source(ABC):
    """One split, from which batches are drawn by index.

    Both kinds give the same batches, bit for bit; they differ in where the images wait.

    Arguments:
        split: the examples.
        device: where batches are to be.
        modality: what they are of.

    Raises:
        DataError: the split is empty.
    """

    def __init__(self, split: Split, device: torch.device | str = "cpu", modality: Modality = "image") -> None:
        if len(split) == 0:
            raise DataError(f"there are no {COUNTED[modality]} in this split")
        self.modality: Modality = modality
        self.device = torch.device(device)
        self.y = None if split.y is None else split.y.to(self.device)
        self.attributes = None if split.attributes is None else split.attributes.to(self.device)
        self.flip = split.flip
        self._count = len(split)

    def __len__(self) -> int:
        return self._count

    @property
    @abstractmethod
    def image_shape(self) -> ImageShape:
        """(C, H, W) of every image; of windows of T tokens (1, 1, T)."""

    @property
    @abstractmethod
    def index_device(self) -> torch.device:
        """Where indices are best kept: on the device only if the images are there."""

    @abstractmethod
    def batch(self, indices: Tensor, dtype: torch.dtype = torch.float32) -> Batch:
        """The examples at ``indices`` (int64), in that order; x in [0, 1] of type ``dtype``, ids of tokens as they are."""

    @abstractmethod
    def batches(self, rows: Iterable[Tensor], dtype: torch.dtype = torch.float32) -> Iterator[Batch]:
        """One batch for each tensor of indices in ``rows``, which may be endless; images may be read ahead."""

    def _examples(self, x: Tensor, indices: Tensor, dtype: torch.dtype) -> Batch:
        y = None if self.y is None else self.y.index_select(0, indices)
        attributes = None if self.attributes is None else self.attributes.index_select(0, indices)
        if (x.dtype == torch.int64) != (self.modality == "tokens"):
            raise DataError(
                f"the {COUNTED[self.modality]} of this split are {x.dtype}",
                hint="ids of tokens are int64, and nothing else is",
            )
        if self.modality != "tokens":
            x = x.to(dtype).div_(255) if x.dtype == torch.uint8 else x.to(dtype)
        return Batch(x, y, attributes, self.modality)


@final
class MemorySource(Source):
    """All images wait on the device, as the split has them, and are indexed there."""

    def __init__(self, split: Split, device: torch.device | str = "cpu", modality: Modality = "image") -> None:
        super().__init__(split, device, modality)
        x = split.x if isinstance(split.x, Tensor) else read_all(split.x)
        self.x = x.to(self.device)

    @property
    def image_shape(self) -> ImageShape:
        return _shape(self.x[0])

    @property
    def index_device(self) -> torch.device:
        return self.device

    def batch(self, indices: Tensor, dtype: torch.dtype = torch.float32) -> Batch:
        indices = indices.to(self.device)
        return self._examples(self.x.index_select(0, indices), indices, dtype)

    def batches(self, rows: Iterable[Tensor], dtype: torch.dtype = torch.float32) -> Iterator[Batch]:
        return (self.batch(indices, dtype) for indices in rows)


@final
class StreamingSource(Source):
    """Images are read by the workers of a DataLoader while earlier batches are in use.

    Which images, in which order, is decided by the caller: the workers never draw anything, so a stream may begin
    anywhere without reading what lies before, and goes from one epoch into the next without stopping.

    Arguments:
        workers: processes that read; 0 reads in this one.
    """

    def __init__(
        self,
        split: Split,
        device: torch.device | str = "cpu",
        modality: Modality = "image",
        *,
        workers: int | None = None,
    ) -> None:
        super().__init__(split, device, modality)
        self._images = split.x
        self._workers = default_workers() if workers is None else workers

    @property
    def image_shape(self) -> ImageShape:
        return _shape(self._images[0])

    @property
    def index_device(self) -> torch.device:
        return torch.device("cpu")

    def batch(self, indices: Tensor, dtype: torch.dtype = torch.float32) -> Batch:
        return self._examples(_read(self._images, indices.tolist()).to(self.device), indices.to(self.device), dtype)

    def batches(self, rows: Iterable[Tensor], dtype: torch.dtype = torch.float32) -> Iterator[Batch]:
        for indices, x in _reader(self._images, rows, self._workers, pinned=self.device.type == "cuda"):
            on_device = x.to(self.device, non_blocking=True)
            yield self._examples(on_device, indices.to(self.device, non_blocking=True), dtype)


def open_source(
    split: Split,
    device: torch.device | str = "cpu",
    *,
    modality: Modality = "image",
    share: float = 0.5,
    workers: int | None = None,
) -> Source:
    """``split`` in memory where it fits, else streamed.

    Arguments:
        split: the examples.
        device: where batches are to be.
        modality: what the examples are of, as their data set says.
        share: a set stays on the device if it takes no more than this share of the memory that is free there. Images
            that are read one at a time also have to be few (:data:`READ_AHEAD`), since reading them all delays the
            first batch.
        workers: processes that read, where the set is streamed.

    Raises:
        DataError: the split is empty, or an image cannot be read.
    """
    if isinstance(split.x, Tensor) and split.x.device == torch.device(device):
        return MemorySource(split, device, modality)
    fits = len(split) > 0 and len(split) * split.x[0].nbytes <= share * free_bytes(torch.device(device))
    if fits and (isinstance(split.x, Tensor) or len(split) <= READ_AHEAD):
        return MemorySource(split, device, modality)
    return StreamingSource(split, device, modality, workers=workers)


def default_workers() -> int:
    """How many processes read images: up to four, and not more than there are processors."""
    return min(4, os.cpu_count() or 1)


def read_all(images: Images) -> Tensor:
    """All of ``images``: (N, C, H, W), of the type that the first has."""
    first = images[0]
    done = torch.empty((len(images), *first.shape), dtype=first.dtype)
    for index in range(len(images)):
        done[index] = images[index]
    return done


def _shape(example: Tensor) -> ImageShape:
    channels, height, width = example.shape if example.ndim == 3 else (1, 1, *example.shape)
    return (channels, height, width)


def _read(images: Tensor | Images, indices: list[int]) -> Tensor:
    return images[torch.tensor(indices)] if isinstance(images, Tensor) else torch.stack([images[i] for i in indices])


@dataclass(frozen=True)
class _Refusal:
    """A DataError on its way from a worker: torch would wrap the error itself in the worker's traceback."""

    what: str
    hint: str


class _Reading(IndexedDataset[Any]):
    """What the workers run: a list of indices in, the indices and their images out."""

    def __init__(self, images: Tensor | Images) -> None:
        self.images = images

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor] | _Refusal:
        try:
            return torch.tensor(indices), _read(self.images, indices)
        except DataError as error:
            return _Refusal(error.what, error.hint)


class _Rows:
    """``rows`` as lists, the form in which they travel to workers."""

    def __init__(self, rows: Iterable[Tensor]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[list[int]]:
        return (row.tolist() for row in self.rows)


def _as_is(read: Any) -> Any:
    return read


def _reader(
    images: Tensor | Images, rows: Iterable[Tensor], workers: int, *, pinned: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    # The loader draws a seed for its workers; from a generator of its own, the global one stays as it was.
    loader = DataLoader(
        _Reading(images),
        batch_sampler=_Rows(rows),
        num_workers=workers,
        collate_fn=_as_is,
        pin_memory=pinned,
        generator=torch.Generator(),
    )
    for read in loader:
        if isinstance(read, _Refusal):
            raise DataError(read.what, hint=read.hint)
        yield read
