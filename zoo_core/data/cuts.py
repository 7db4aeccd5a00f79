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
        raise DataError(
            f"{count} images cannot be cut into {validation} for validation, {test} for test and some to train on"
        )
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    parts = order.split([train, validation, test])
    return {"train": parts[0], "validation": parts[1], "test": parts[2]}


def cut_by_group(groups: Tensor, validation: int, test: int = 0, *, seed: int = 0) -> dict[SplitName, Tensor]:
    """As :func:`cut`, with all examples of a group in the same split: whole groups in a seeded order go to test until it has at
    least ``test`` examples, the next ones to validation, the others to train.

    Arguments:
        groups: int64 (N,), the group of each example; −1 is a group of its own.

    Raises:
        DataError: nothing would be left to train on.
    """
    known = groups >= 0
    alone = int(groups.max()) + 1 if len(groups) else 0
    apart = torch.where(known, groups, alone + torch.arange(len(groups)))
    _, numbers, sizes = apart.unique(return_inverse=True, return_counts=True)
    order = torch.randperm(len(sizes), generator=torch.Generator().manual_seed(seed))
    before = torch.empty_like(sizes)  # how many examples the groups earlier in the order have
    before[order] = sizes[order].cumsum(0) - sizes[order]
    # The test groups begin before example number ``test``; those of validation begin at the first that is left.
    in_test = before < test
    taken = int(sizes[in_test].sum())
    in_validation = ~in_test & (before < taken + validation)
    parts: dict[SplitName, Tensor] = {
        "train": (~in_test & ~in_validation)[numbers].nonzero().flatten(),
        "validation": in_validation[numbers].nonzero().flatten(),
        "test": in_test[numbers].nonzero().flatten(),
    }
    if not len(parts["train"]):
        raise DataError(
            f"{len(groups)} images of {len(sizes)} groups cannot be cut into {validation} for validation, {test} for "
            "test and some to train on, with each group in one of them"
        )
    return parts


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
