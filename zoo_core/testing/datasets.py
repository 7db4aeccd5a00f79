"""Checks of data sets, where their files are there."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.errors import DataError, SettingError, shown
from zoo_core.interfaces import Dataset, Split
from zoo_core.testing.results import CheckFailed, CheckSkipped
from zoo_core.testing.subject import Subject


def _opened(subject: Subject) -> tuple[Dataset, dict[str, Split]]:
    """The data set and those of its splits that there are.

    Raises:
        CheckSkipped: its files are not here.
    """
    try:
        dataset: Dataset = subject.fresh()
    except (DataError, SettingError) as error:
        raise CheckSkipped(shown(error, 500)) from None
    splits: dict[str, Split] = {}
    for name in ("train", "validation", "test"):
        try:
            splits[name] = dataset.split(name)
        except ImportError as error:
            raise CheckSkipped(shown(error, 500)) from None
        except DataError as error:
            if name == "train":
                raise CheckSkipped(shown(error, 500)) from None
    return dataset, splits


def check_splits_are_as_promised(subject: Subject) -> None:
    """Images are uint8 of the promised shape, classes int64 and attributes int8 within the promised labels, one a row."""
    dataset, splits = _opened(subject)
    for name, split in splits.items():
        image = split.x[0]
        if image.dtype != torch.uint8 or tuple(image.shape) != tuple(dataset.image_shape):
            raise CheckFailed(
                f"uint8 images of {dataset.image_shape} in {name}", found=f"{image.dtype} {tuple(image.shape)}"
            )
        count = dataset.labels.count
        if dataset.labels.type == "classes" and not _within(split.y, (len(split),), torch.int64, -1, count - 1):
            raise CheckFailed(f"y int64 (N,) from −1 to {count - 1} in {name}", found=_shown(split.y))
        if dataset.labels.type == "attributes" and not _within(
            split.attributes, (len(split), count), torch.int8, -1, 1
        ):
            raise CheckFailed(f"attributes int8 (N, {count}) of −1, 0, 1 in {name}", found=_shown(split.attributes))


def check_splits_are_the_same_every_time(subject: Subject) -> None:
    """A split is the same every time it is read."""
    dataset, splits = _opened(subject)
    again = dataset.split("train")
    first = splits["train"]
    same_labels = first.y is None or (again.y is not None and torch.equal(first.y, again.y))
    if len(again) != len(first) or not torch.equal(again.x[0], first.x[0]) or not same_labels:
        raise CheckFailed("the same train split twice", found="another", do="cut splits with a fixed seed")


def _within(labels: Tensor | None, shape: tuple[int, ...], dtype: torch.dtype, low: int, high: int) -> bool:
    if labels is None or labels.dtype != dtype or tuple(labels.shape) != shape:
        return False
    return bool(labels.numel() == 0 or (labels.min() >= low and labels.max() <= high))


def _shown(labels: Tensor | None) -> str:
    return "none" if labels is None else f"{labels.dtype} {tuple(labels.shape)}"
