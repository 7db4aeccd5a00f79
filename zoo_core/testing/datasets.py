"""Checks of data sets, where their files are there."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.errors import DataError, SettingError, shown
from zoo_core.interfaces import Dataset, Split
from zoo_core.testing.results import CheckFailed, CheckSkipped
from zoo_core.testing.subject import Subject

LOOKED_AT = 1000
"""Windows of tokens at either end of a split that are looked at."""
SHORTEST = 16
"""Shorter windows of tokens are too often alike by chance."""
BY_CHANCE = 0.5
"""Share of held-out windows that may begin or end as some training window goes on: texts repeat words and phrases."""


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
    """Images are uint8 of the promised shape, windows of tokens int64 ids within the promised vocabulary, classes int64 and attributes
    int8 within the promised labels, one a row."""
    dataset, splits = _opened(subject)
    _refuse_other_vocabulary(dataset)
    for name, split in splits.items():
        example = split.x[0]
        found = f"{example.dtype} {tuple(example.shape)}"
        if dataset.modality == "tokens":
            if not _within(
                example, dataset.image_shape[2:], torch.int64, 0, len(dataset.vocabulary) - 1
            ) or not _ids_within(split, len(dataset.vocabulary)):
                what = f"int64 ids (T,) = {dataset.image_shape[2:]} from 0 to {len(dataset.vocabulary) - 1} in {name}"
                raise CheckFailed(what, found=found, do="give what vocabulary.ids gives")
        elif not _as_promised(example, dataset):
            raise CheckFailed(f"uint8 images of {dataset.image_shape} in {name}", found=found)
        count = dataset.labels.count
        if dataset.labels.type == "classes" and not _within(split.y, (len(split),), torch.int64, -1, count - 1):
            raise CheckFailed(f"y int64 (N,) from −1 to {count - 1} in {name}", found=_shown(split.y))
        if dataset.labels.type == "attributes" and not _within(
            split.attributes, (len(split), count), torch.int8, -1, 1
        ):
            raise CheckFailed(f"attributes int8 (N, {count}) of −1, 0, 1 in {name}", found=_shown(split.attributes))


def _refuse_other_vocabulary(dataset: Dataset) -> None:
    tokens = dataset.modality == "tokens"
    if tokens != bool(dataset.vocabulary):
        raise CheckFailed(
            "a vocabulary for tokens, and for nothing else",
            found=f"{len(dataset.vocabulary)} tokens for the modality {dataset.modality!r}",
            do='set modality = "tokens" and self.vocabulary = Vocabulary(tokens) in __init__',
        )
    if tokens and tuple(dataset.image_shape[:2]) != (1, 1):
        raise CheckFailed("image_shape (1, 1, T) for windows of T tokens", found=str(dataset.image_shape))


def _as_promised(example: Tensor, dataset: Dataset) -> bool:
    points = dataset.modality == "vector" and example.is_floating_point()
    return (points or example.dtype == torch.uint8) and tuple(example.shape) == tuple(dataset.image_shape)


def _ids_within(split: Split, count: int) -> bool:
    return all(_within(one, tuple(one.shape), torch.int64, 0, count - 1) for one in _looked_at(split))


def _looked_at(split: Split) -> list[Tensor]:
    """The first windows of ``split``, and the last."""
    ends = {*range(min(LOOKED_AT, len(split))), *range(max(0, len(split) - LOOKED_AT), len(split))}
    return [split.x[index] for index in sorted(ends)]


def check_windows_do_not_overlap(subject: Subject) -> None:
    """Windows of tokens in validation and test share no stretch of the text with those of train: else what is held out was seen."""
    dataset, splits = _opened(subject)
    length = dataset.image_shape[2]
    if dataset.modality != "tokens" or length < SHORTEST:
        return
    half = length // 2
    windows = _looked_at(splits["train"])
    seen = {_stretch(one, at, half) for one in windows for at in range(length - half + 1)}
    if len(seen) < len(windows):
        return  # the text repeats itself: even windows of every place would have more stretches
    for name in ("validation", "test"):
        held_out = _looked_at(splits[name]) if name in splits else []
        shared = sum(bool({_stretch(one, 0, half), _stretch(one, length - half, half)} & seen) for one in held_out)
        if shared > BY_CHANCE * len(held_out):
            raise CheckFailed(
                f"{name} windows of other stretches of the text than those of train",
                found=f"{shared} of {len(held_out)} that begin or end as a training window goes on",
                do="cut the text into stretches first, and each stretch into windows",
            )


def _stretch(window: Tensor, at: int, length: int) -> bytes:
    return window[at : at + length].numpy().tobytes()


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
