"""Splits: the batches of a data set's splits, for looking at a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

from zoo_core.data.of_model import dataset_for
from zoo_core.data.source import Source, open_source
from zoo_core.data.stream import evaluation_batches
from zoo_core.errors import SettingError
from zoo_core.interfaces import Batch, Dataset
from zoo_core.interfaces.dataset import SplitName

if TYPE_CHECKING:
    from zoo_core.model import Model


@final
class Splits:
    """A data set for looking at ``model``: in order, every example once, each split opened when it is first asked for.

    Arguments:
        model: whose images and labels they are made; its device and floating-point type are the batches'.
        data: a data set, its name, tensors, or None: asking for a split is then refused.
        root, settings: where data sets lie, and parameters of this one.
        batch_size: examples at a time.
    """

    def __init__(
        self,
        model: Model,
        data: Any,
        *,
        root: str | None = None,
        settings: Mapping[str, Any] | None = None,
        batch_size: int = 250,
    ) -> None:
        self._model, self._data, self._batch_size = model, data, batch_size
        self._root, self._settings = root, settings
        self._dataset: Dataset | None = None
        self._sources: dict[SplitName, Source] = {}

    @property
    def dataset(self) -> Dataset:
        """The data set.

        Raises:
            SettingError: there is none.
            DataError: it does not fit the model.
        """
        if self._data is None:
            raise SettingError("data are needed here, and there are none", hint="name them: --data digits")
        if self._dataset is None:
            self._dataset = dataset_for(self._model, self._data, root=self._root, settings=self._settings)
        return self._dataset

    def count(self, split: SplitName, limit: int | None = None) -> int:
        """How many examples :meth:`batches` gives."""
        whole = len(self._source(split))
        return whole if limit is None else min(limit, whole)

    def batches(self, split: SplitName, limit: int | None = None) -> Iterator[Batch]:
        """The first ``limit`` examples of ``split``, all where it is None."""
        for batch in evaluation_batches(self._source(split), self._batch_size, self._model.dtype, limit=limit):
            yield replace(batch, labels=self.dataset.labels)

    def _source(self, split: SplitName) -> Source:
        if split not in self._sources:
            self._sources[split] = open_source(
                self.dataset.split(split), device=self._model.device, modality=self.dataset.modality, workers=0
            )
        return self._sources[split]
