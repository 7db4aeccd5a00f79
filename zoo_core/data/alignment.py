"""Labels of data in the order of a model's: a class or an attribute is known by its name, not by its place."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from zoo_core.data.labels import listed, places
from zoo_core.data.made import MadeDataset
from zoo_core.errors import DataError, shown
from zoo_core.interfaces.batch import Batch, Labels
from zoo_core.interfaces.dataset import Dataset, Split, SplitName


def aligned(dataset: Dataset, labels: Labels) -> Dataset:
    """``dataset`` with its classes, or its attributes, in the order of a model's ``labels``; as it is where one of the two has none.

    Raises:
        DataError: they have no place there, see :func:`places`.
    """
    if "none" in (dataset.labels.type, labels.type) or dataset.labels == labels:
        return dataset
    found = places(dataset.labels, labels)
    if found is None:
        raise _unlike(dataset.labels, labels, dataset.name)
    return AlignedDataset(dataset, labels, found)


def refuse_unlike(batch: Batch, labels: Labels) -> None:
    """Refuse a batch whose data set has other labels than a model's ``labels``, or the same in another order; a batch without
    names passes.

    Raises:
        DataError: with both lists.
    """
    if batch.labels.type != "none" and batch.labels != labels:
        raise _unlike(batch.labels, labels)


def _unlike(found: Labels, wanted: Labels, name: str = "the data") -> DataError:
    """The error for data with labels that a model does not know, or without some that it knows."""
    known, asked = (wanted, found) if found.type == "classes" else (found, wanted)
    missing = [one for one in asked.names if one not in known.names]
    where = "the model" if found.type == "classes" else "the data"
    lacking = f"; {where} lacks {listed(missing)}" if missing and found.type == wanted.type else ""
    return DataError(
        f"{shown(name)} has the {found.type} {listed(found.names)}, the model the {wanted.type} {listed(wanted.names)}{lacking}",
        hint="choose data with the model's labels, by the same names",
        found=found,
        expected=wanted,
    )


@final
class AlignedDataset(MadeDataset):
    """``dataset`` with its labels in the order of ``labels``.

    Arguments:
        found: as :func:`places` gives it.
    """

    def __init__(self, dataset: Dataset, labels: Labels, found: tuple[int, ...]) -> None:
        super().__init__(dataset)
        self.labels = labels
        self._places = torch.tensor(found, dtype=torch.int64)

    def split(self, name: SplitName) -> Split:
        native = self.dataset.split(name)
        y, attributes = native.y, native.attributes
        if self.labels.type == "classes":
            return replace(native, y=None if y is None else self._numbered_anew(y, name))
        return replace(native, attributes=None if attributes is None else attributes[:, self._places])

    def _numbered_anew(self, y: Tensor, split: SplitName) -> Tensor:
        """``y`` (N,) in the model's numbers; −1 (not known) stays."""
        if len(y) and int(y.max()) >= len(self._places):
            raise DataError(
                f"the {split} split of {shown(self.name)} has the label {int(y.max())}, its classes are 0 to "
                f"{len(self._places) - 1}",
                hint="mend the labels",
            )
        return torch.where(y >= 0, self._places[y.clamp(min=0)], -1)
