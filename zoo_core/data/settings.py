"""DataSettings: what can be set of every data set, whoever wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Settings that every data set has beside its own. A data set's own setting of such a name goes before.

    Arguments:
        attributes: attributes made of the data's attributes or classes, as in ``Goatee|Mustache|!No_Beard`` or
            ``has-sleeves=0|2|4|6``; they take the place of the data's labels. None leaves these as they are.
        negatives: examples with none of the ``attributes`` for each one with any, in every split; those of which this is not
            known are left out. None keeps every example.
        negatives_order: which of them: drawn with a fixed seed, or the first ones in the data's order.
        flip: in training mirror each image left to right half of the time, drawn anew in each epoch from the run's seed.
    """

    attributes: str | None = None
    negatives: Annotated[float, Ge(0)] | None = None
    negatives_order: Literal["random", "first"] = "random"
    flip: bool = False
