"""Windows of tokens with the ids that a model knows them by."""

from __future__ import annotations

from dataclasses import replace
from typing import final

from torch import Tensor

from zoo_core.data.made import MadeDataset
from zoo_core.errors import DataError, shown
from zoo_core.interfaces.dataset import Dataset, Images, Split, SplitName
from zoo_core.interfaces.vocabulary import Vocabulary, quoted


def of_vocabulary(dataset: Dataset, vocabulary: Vocabulary) -> Dataset:
    """``dataset``, which is of tokens, with their ids in ``vocabulary``; as it is where it has the same.

    Raises:
        DataError: it has tokens that are not in ``vocabulary``, and names them.
    """
    if dataset.vocabulary == vocabulary:
        return dataset
    if missing := vocabulary.lacking(dataset.vocabulary.tokens):
        raise DataError(
            f"{shown(dataset.name)} has {quoted(missing)}, which the model's vocabulary of {len(vocabulary)} tokens lacks",
            hint="leave them out of the data or replace them, or train a model on these data",
            missing=missing,
        )
    return RenumberedTokens(dataset, vocabulary)


@final
class RenumberedTokens(MadeDataset):
    """``dataset`` with the ids that its tokens have in ``vocabulary``, which has them all."""

    def __init__(self, dataset: Dataset, vocabulary: Vocabulary) -> None:
        super().__init__(dataset)
        self.vocabulary = vocabulary
        self._ids = vocabulary.ids(dataset.vocabulary.tokens)

    def split(self, name: SplitName) -> Split:
        native = self.dataset.split(name)
        x = self._ids[native.x] if isinstance(native.x, Tensor) else _Renumbered(native.x, self._ids)
        return replace(native, x=x)


@final
class _Renumbered:
    """Windows that are read, and renumbered, one at a time."""

    def __init__(self, windows: Images, ids: Tensor) -> None:
        self.windows = windows
        self.ids = ids

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> Tensor:
        return self.ids[self.windows[index]]
