"""AttributeSet: data with attributes made of their own attributes or classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Literal, final

import torch
from torch import Tensor

from zoo_core.data.expressions import Attribute, parse
from zoo_core.data.labels import listed
from zoo_core.data.made import MadeDataset
from zoo_core.data.subsets import pick
from zoo_core.errors import DataError, did_you_mean, shown
from zoo_core.interfaces.batch import Labels
from zoo_core.interfaces.dataset import Dataset, Split, SplitName
from zoo_core.noise import derive_seed

SEED = 0
"""Of the negatives that are drawn: the same ones in every run."""


@final
class AttributeSet(MadeDataset):
    """``dataset`` with the attributes of an expression in place of its labels, and, with ``negatives``, fewer examples without them.

    Arguments:
        dataset: with attributes or classes.
        attributes: as :func:`zoo_core.data.expressions.parse` takes them. In data with attributes a name is one of theirs, in data
            with classes a class's name, or its number where no class has a number for a name.
        negatives: examples with none of the attributes for each one with any, in every split, in the data's order; those of which
            this is not known are left out. None keeps all examples.
        order: which of them: ``random`` ones or the ``first``.

    Raises:
        SettingError: no expression.
        DataError: data without labels, or with none of such a name.
    """

    def __init__(
        self,
        dataset: Dataset,
        attributes: str,
        *,
        negatives: float | None = None,
        order: Literal["random", "first"] = "random",
    ) -> None:
        super().__init__(dataset)
        self.attributes = parse(attributes)
        self.negatives, self.order = negatives, order
        self.name = f"{dataset.name}:{','.join(map(str, self.attributes))}"
        self.labels = Labels("attributes", tuple(one.name for one in self.attributes))
        self._places = {name: _place(name, one, dataset) for one in self.attributes for name in one.expression.names()}

    def split(self, name: SplitName) -> Split:
        native = self.dataset.split(name)
        made = torch.stack([one.expression.marks(partial(self._marks, native)) for one in self.attributes], dim=1)
        split = replace(native, y=None, attributes=made)
        return split if self.negatives is None else pick(split, self._balanced(made, name))

    @property
    def protocol(self) -> Mapping[str, object]:
        """What of it a figure rests on, beside its name: which examples are left out."""
        return {} if self.negatives is None else {"negatives": self.negatives, "negatives_order": self.order}

    def _marks(self, native: Split, name: str) -> Tensor:
        """int8 (N,) of what ``name`` means."""
        place = self._places[name]
        if self.dataset.labels.type == "attributes" and native.attributes is not None:
            return native.attributes[:, place].to(torch.int8)
        if self.dataset.labels.type == "classes" and native.y is not None:
            return torch.where(native.y < 0, -1, native.y == place).to(torch.int8)
        return torch.full((len(native),), -1, dtype=torch.int8)  # a split that nobody has labelled

    def _balanced(self, attributes: Tensor, split: SplitName) -> Tensor:
        """The indices of the examples with any of ``attributes`` (N, A) and of so many with none, in order."""
        positive, negative = (attributes == 1).any(1), (attributes == 0).all(1)
        others = negative.nonzero().flatten()
        wanted = round((self.negatives or 0) * int(positive.sum()))
        if wanted > len(others) or not positive.any():
            raise self._too_few(int(positive.sum()), len(others), wanted, split)
        if self.order == "random":
            generator = torch.Generator().manual_seed(derive_seed(SEED, "negatives", split))
            others = others[torch.randperm(len(others), generator=generator)]
        return torch.cat([positive.nonzero().flatten(), others[:wanted]]).sort().values

    def _too_few(self, positives: int, negatives: int, wanted: int, split: str) -> DataError:
        if not positives:
            return DataError(
                f"no example in the {split} split of {shown(self.name)} has one of the attributes",
                hint="choose another expression, or leave data.negatives out",
            )
        return DataError(
            f"the {split} split of {shown(self.name)} has {negatives:,} negatives for {positives:,} positives, "
            f"{wanted:,} were asked for",
            hint=f"--set data.negatives={int(100 * negatives / positives) / 100:g} or less",
            positives=positives,
            negatives=negatives,
        )


def _place(name: str, attribute: Attribute, dataset: Dataset) -> int:
    """Which of the data's attributes or classes ``name`` means."""
    labels = dataset.labels
    if not labels.count:
        raise DataError(
            f"{shown(dataset.name)} has neither attributes nor classes that {shown(attribute)!r} could be made of",
            hint="choose data with labels",
        )
    if name in labels.names:
        return labels.names.index(name)
    # A folder called 3 need not be class number 3.
    by_number = (
        labels.type == "classes" and not any(map(str.isdecimal, labels.names)) and name.isascii() and name.isdecimal()
    )
    if by_number and int(name) < labels.count:
        return int(name)
    what = "class" if labels.type == "classes" else "attribute"
    known = "classes" if labels.type == "classes" else "attributes"
    numbers = f", by name or number (0 to {labels.count - 1})" if by_number else ""
    raise DataError(
        f'{shown(dataset.name)} has no {what} "{shown(name)}"',
        hint=did_you_mean(name, labels.names) or f"its {known} are {listed(labels.names)}{numbers}",
        name=name,
    )
