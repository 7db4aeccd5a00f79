"""Cutting one pool of examples into train, validation and test with a fixed seed."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.errors import DataError, shown
from zoo_core.interfaces.dataset import SplitName


def cut(count: int, validation: int, test: int = 0, *, seed: int = 0) -> dict[SplitName, Tensor]:
    """The indices 0 … count − 1 in a seeded order: first the training examples, then validation, then test.

    Arguments:
        count: how many examples there are.
        validation: how many go to validation.
        test: how many go to test.
        seed: of the order (``torch.randperm`` on the CPU).

    Raises:
        DataError: nothing would be left to train on.
    """
    train = count - validation - test
    if train < 1:
        raise DataError(f"{count} images cannot be cut into {validation} for validation, {test} for test and some "
                        "to train on")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    parts = order.split([train, validation, test])
    return {"train": parts[0], "validation": parts[1], "test": parts[2]}


def indices_of(parts: dict[SplitName, Tensor], name: str) -> Tensor:
    """The indices of the split called ``name``.

    Raises:
        DataError: there is no split of that name.
    """
    for known, indices in parts.items():
        if known == name:
            return indices
    raise no_such_split(name)


def no_such_split(name: object) -> DataError:
    """The error for a split name that is none."""
    return DataError(f'there is no split "{shown(name)}"', hint='a split is "train", "validation" or "test"')
