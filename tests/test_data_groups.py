"""Groups: examples that stay together when data are cut."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from torch import Tensor

from zoo_core.data import cut_by_group, labelled, pick
from zoo_core.data.alignment import AlignedDataset
from zoo_core.data.resized import ResizedDataset
from zoo_core.errors import DataError
from zoo_core.interfaces import Dataset, Labels, Split
from zoo_core.interfaces.dataset import SplitName

GROUPS = torch.randint(0, 60, (400,), generator=torch.Generator().manual_seed(1))


def test_no_group_is_in_two_splits() -> None:
    parts = cut_by_group(GROUPS, 40, 50)
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(400))
    for one, other in combinations(parts.values(), 2):
        assert not set(GROUPS[one].tolist()) & set(GROUPS[other].tolist())
    largest = int(GROUPS.bincount().max())
    assert 40 <= len(parts["validation"]) < 40 + largest and 50 <= len(parts["test"]) < 50 + largest


def test_the_cut_is_the_seeds() -> None:
    one, again, other = (cut_by_group(GROUPS, 40, seed=seed)["validation"].tolist() for seed in (0, 0, 1))
    assert one == again != other


def test_examples_of_no_known_group_are_alone() -> None:
    parts = cut_by_group(torch.full((20,), -1), 3, 4)
    assert [len(parts[name]) for name in ("train", "validation", "test")] == [13, 3, 4]


@pytest.mark.parametrize(
    "groups", [torch.zeros(10, dtype=torch.int64), torch.arange(4), torch.zeros(0, dtype=torch.int64)]
)
def test_a_cut_that_leaves_nothing_to_train_on_is_refused(groups: Tensor) -> None:
    with pytest.raises(DataError, match="cannot be cut"):
        cut_by_group(groups, 2, 2)


class Grouped(Dataset):
    """Four images of two people."""

    name = "grouped"
    image_shape = (1, 4, 4)
    labels = Labels("classes", ("a", "b"))

    def split(self, name: SplitName) -> Split:
        return Split(
            torch.zeros(4, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 1, -1, 0]), groups=torch.tensor([7, 7, 8, 8])
        )


def test_groups_stay_with_their_examples() -> None:
    split = Grouped().split("train")
    for found in (
        ResizedDataset(Grouped(), (2, 2)).split("train"),
        AlignedDataset(Grouped(), Labels("classes", ("b", "a")), (1, 0)).split("train"),
    ):
        assert found.groups is not None and found.groups.tolist() == [7, 7, 8, 8]
    for chosen, groups in ((pick(split, torch.tensor([2, 0])), [8, 7]), (labelled(split), [7, 7, 8])):
        assert chosen.groups is not None and chosen.groups.tolist() == groups
