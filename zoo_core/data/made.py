"""MadeDataset: a data set that is made of another."""

from __future__ import annotations

from collections.abc import Iterator

from zoo_core.interfaces.dataset import Dataset


class MadeDataset(Dataset):
    """``dataset`` with something about it changed. What a subclass leaves alone is that data set's.

    Arguments:
        dataset: what it is made of.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.name = dataset.name
        self.image_shape = dataset.image_shape
        self.labels = dataset.labels
        self.modality = dataset.modality
        self.vocabulary = dataset.vocabulary


def layers(dataset: Dataset) -> Iterator[Dataset]:
    """``dataset`` and what it was made of, from the outermost to the innermost."""
    yield dataset
    while isinstance(dataset, MadeDataset):
        dataset = dataset.dataset
        yield dataset


def innermost(dataset: Dataset) -> Dataset:
    """The data set that ``dataset`` was made of in the end."""
    return [*layers(dataset)][-1]
