"""Splits that the publisher of a set did not make."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor

from zoo_core.data import cut, cut_by_group, indices_of, no_such_split, pick
from zoo_core.interfaces import Split, SplitName


def train_or_validation(published: Split, name: str, *, one_in: int | float) -> Split:
    """The split called ``name``, with one in ``one_in`` of the published training images, drawn with seed 0, for
    validation; whole groups where the data have some."""
    held_out = round(len(published) / one_in)
    parts = cut(len(published), held_out) if published.groups is None else cut_by_group(published.groups, held_out)
    return pick(published, indices_of(parts, name))


def cut_missing(count: int, published: Collection[str], *, validation: float, test: float) -> dict[SplitName, Tensor]:
    """``count`` training examples cut with seed 0 into train and those of validation and test that are not published.

    Arguments:
        count: how many examples there are.
        published: names of the splits that exist already; they come out empty here.
        validation: share of ``count`` for validation; at least one example unless it is 0.
        test: the same for test.
    """
    sizes = [
        0 if name in published or share == 0 else max(1, int(share * count))
        for name, share in (("validation", validation), ("test", test))
    ]
    return cut(count, *sizes)


def check_split(name: str) -> None:
    """Raises DataError where ``name`` is not the name of a split."""
    if name not in ("train", "validation", "test"):
        raise no_such_split(name)
