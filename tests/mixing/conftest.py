"""The data that every combination is tried on."""

from __future__ import annotations

import pytest

import zoo_core as zoo
from zoo_core.data import ArrayDataset

from .trial import COUNT


@pytest.fixture(scope="module")
def digits() -> ArrayDataset:
    """Ten real digits, two of which are held out: an epoch of two batches."""
    train = zoo.open_dataset("digits").split("train")
    return ArrayDataset(train.x[: 2 * COUNT + 2], train.y[: 2 * COUNT + 2])
