"""Splits: the batches of a data set's splits, for looking at a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import torch

from zoo_core.data.references import open_dataset
from zoo_core.data.source import Source, open_source
from zoo_core.data.stream import evaluation_batches
from zoo_core.errors import SettingError
from zoo_core.interfaces import Batch, Dataset
from zoo_core.interfaces.dataset import SplitName


@final
class Splits:
    """A data set for evaluation: in order, every example once, each split opened when it is first asked for.

    Arguments:
        data: a data set, its name, tensors, or None: asking for a split is then refused.
        image_size: (height, width) that images are resized to.
        root: where data sets lie.
        batch_size: examples at a time.
    """

    def __init__(
        self,
        data: Any,
        image_size: tuple[int, int],
        *,
        root: str | None = None,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        batch_size: int = 250,
    ) -> None:
        self._data, self._image_size, self._root = data, image_size, root
        self._device, self._dtype, self._batch_size = device, dtype, batch_size
        self._dataset: Dataset | None = None
        self._sources: dict[SplitName, Source] = {}

    @property
    def dataset(self) -> Dataset:
        """The data set.

        Raises:
            SettingError: there is none.
        """
        if self._data is None:
            raise SettingError("data are needed here, and there are none", hint="name them: --data digits")
        if self._dataset is None:
            self._dataset = open_dataset(self._data, root=self._root, image_size=self._image_size)
        return self._dataset

    def count(self, split: SplitName, limit: int | None = None) -> int:
        """How many examples :meth:`batches` gives."""
        whole = len(self._source(split))
        return whole if limit is None else min(limit, whole)

    def batches(self, split: SplitName, limit: int | None = None) -> Iterator[Batch]:
        """The first ``limit`` examples of ``split``, all where it is None."""
        yield from evaluation_batches(self._source(split), self._batch_size, self._dtype, limit=limit)

    def _source(self, split: SplitName) -> Source:
        if split not in self._sources:
            self._sources[split] = open_source(self.dataset.split(split), device=self._device, workers=0)
        return self._sources[split]
