"""Arrays as data sets, other image sizes, cuts and labelled subsets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from zoo_core.data import ArrayDataset, PickedImages, ResizedDataset, cut, labelled, pick, resize, with_labels
from zoo_core.errors import DataError
from zoo_core.interfaces import Dataset, Labels, Split

BYTES = torch.randint(256, (40, 3, 6, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


class Listed:
    """Images read one at a time."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Tensor:
        return self.x[index]


class LazySet(Dataset):
    name, image_shape, labels = "lazy", (3, 6, 9), Labels()

    def split(self, name: str) -> Split:
        return Split(Listed(BYTES))


def test_a_cut_gives_every_example_to_one_split_and_is_the_same_every_time() -> None:
    parts = cut(30, 5, 4, seed=2)
    assert {name: len(part) for name, part in parts.items()} == {"train": 21, "validation": 5, "test": 4}
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(30))
    assert torch.equal(torch.cat(list(parts.values())), torch.cat(list(cut(30, 5, 4, seed=2).values())))


def test_a_cut_that_leaves_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(DataError, match="cannot be cut"):
        cut(9, 5, 4)


def test_an_array_is_cut_into_splits_that_keep_images_and_labels_together() -> None:
    data = ArrayDataset(BYTES, torch.arange(40))
    splits = [data.split(name) for name in ("train", "validation", "test")]
    assert [len(s) for s in splits] == [32, 4, 4]
    assert data.image_shape == (3, 6, 9) and data.labels == Labels("classes", tuple(map(str, range(40))))
    for s in splits:
        assert torch.equal(s.x, BYTES[s.y])


def test_floats_in_an_array_are_stored_to_the_nearest_255th() -> None:
    x = np.random.default_rng(0).random((30, 4, 4))
    data = ArrayDataset(x)
    assert data.image_shape == (1, 4, 4) and data.labels == Labels()
    stored = torch.cat([data.split(n).x for n in ("train", "validation", "test")]).sum(dtype=torch.int64)
    assert int(stored) == int(np.rint(x * 255).sum())


@pytest.mark.parametrize(
    ("x", "y", "text"),
    [
        (torch.zeros(5, 4), None, r"shape \(5, 4\)"),
        (torch.zeros(5, 4, 4, dtype=torch.int32), None, "int32"),
        (torch.full((5, 4, 4), 2.0), None, r"from 2 to 2, expected \[0, 1\]"),
        (torch.full((5, 4, 4), float("nan")), None, "nan"),
        (torch.zeros(5, 4, 4), torch.zeros(4, dtype=torch.int64), r"expected integers of shape \(5,\)"),
        (torch.zeros(5, 4, 4), torch.zeros(5), "float32"),
        (torch.zeros(5, 4, 4), torch.full((5,), -2), "down to -2"),
        (torch.zeros(2, 4, 4), None, "cannot be cut"),
    ],
)
def test_arrays_that_are_no_images_or_labels_are_refused(x: Tensor, y: Tensor | None, text: str) -> None:
    with pytest.raises(DataError, match=text):
        ArrayDataset(x, y)


def test_a_split_of_another_name_is_refused() -> None:
    with pytest.raises(DataError, match='no split "valid"'):
        ArrayDataset(BYTES).split("valid")


@pytest.mark.parametrize("size", [(3, 5), (12, 20), (7, 4)])
def test_resizing_agrees_with_pillow_to_one_grey_level(size: tuple[int, int]) -> None:
    ours = resize(BYTES[:5], size)
    for image, done in zip(BYTES[:5], ours, strict=True):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        theirs = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(theirs - done.permute(1, 2, 0).numpy().astype(int)).max() <= 1


def test_a_resized_set_is_the_same_read_at_once_or_one_at_a_time() -> None:
    at_once = ResizedDataset(ArrayDataset(BYTES), (4, 4))
    assert at_once.image_shape == (3, 4, 4)
    assert torch.equal(at_once.split("test").x, resize(ArrayDataset(BYTES).split("test").x, (4, 4)))
    lazy = ResizedDataset(LazySet(), (4, 4)).split("train").x
    assert torch.equal(torch.stack([lazy[i] for i in range(len(lazy))]), resize(BYTES, (4, 4)))


def test_a_labelled_subset_has_the_same_number_of_each_class_and_no_unlabelled_example() -> None:
    y = torch.tensor([0] * 30 + [1] * 6 + [2] * 14 + [-1] * 10)
    x = torch.arange(60, dtype=torch.uint8)[:, None, None, None]
    subset = labelled(with_labels(Split(x, y), 12, seed=0))
    assert subset.y.bincount().tolist() == [4, 4, 4]
    places = subset.x.flatten().long()
    assert torch.equal(y[places], subset.y) and len(places.unique()) == 12
    again, other = (labelled(with_labels(Split(x, y), 12, seed=seed)) for seed in (0, 1))
    assert torch.equal(again.x, subset.x) and not torch.equal(other.x, subset.x)
    uneven = labelled(with_labels(Split(x, y), 14, seed=0)).y.bincount()
    assert sorted(uneven.tolist()) == [4, 5, 5]


@pytest.mark.parametrize(
    ("split", "total", "text"),
    [
        (Split(BYTES), 4, "have no classes"),
        (Split(BYTES, torch.full((40,), -1)), 4, "none of these examples has one"),
        (Split(BYTES, torch.arange(40)), 80, "class 0 has 1 labelled examples, 2 are needed"),
        (Split(BYTES, torch.arange(40) % 4), 3, "not one for each of the 4 classes"),
    ],
)
def test_a_labelled_subset_that_cannot_be_made_is_refused(split: Split, total: int, text: str) -> None:
    with pytest.raises(DataError, match=text):
        with_labels(split, total, seed=0)


def test_examples_beyond_the_asked_labels_stay_and_count_as_unlabelled() -> None:
    y = torch.arange(40) % 4
    split = with_labels(Split(BYTES, y), 8, seed=0)
    assert torch.equal(split.x, BYTES) and (split.y >= 0).sum() == 8
    assert torch.equal(split.y[split.y >= 0], y[split.y >= 0])


@pytest.mark.parametrize("y", [None, torch.full((40,), -1)])
def test_labelled_examples_of_data_without_labels_are_refused(y: torch.Tensor | None) -> None:
    with pytest.raises(DataError, match="labelled examples were asked for"):
        labelled(Split(BYTES, y))


def test_picked_images_stay_unread_until_asked_for() -> None:
    picked = pick(Split(Listed(BYTES), torch.arange(40)), torch.tensor([5, 2]))
    assert isinstance(picked.x, PickedImages) and picked.y.tolist() == [5, 2]
    assert torch.equal(picked.x[1], BYTES[2])
