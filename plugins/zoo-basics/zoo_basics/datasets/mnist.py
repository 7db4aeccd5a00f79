"""MNIST."""

from __future__ import annotations

from typing import final

from zoo_basics.datasets.held_out import check_split, train_or_validation
from zoo_basics.datasets.location import data_root, not_found
from zoo_basics.datasets.mnist_files import fetch, image_files, read_published
from zoo_core.interfaces import Dataset, Labels, Split, SplitName

FOLDERS = ("MNIST/raw", "mnist")
HELD_OUT = 6
"""One in six training images is for validation: 10,000 of 60,000."""


@final
class MnistDataset(Dataset):
    """MNIST: handwritten digits, 28×28 in grey; 50,000 to train on, 10,000 for validation (seed 0), 10,000 for test.

    Source: LeCun, Bottou, Bengio and Haffner 1998.

    Arguments:
        root: folder with data sets (``MNIST/raw`` or ``mnist`` in it); None is ``$ZOO_DATA``, else
            ``~/.cache/zoo/data``.
        download: fetch missing files.
    """

    def __init__(self, *, root: str | None = None, download: bool = False) -> None:
        self.name = "mnist"
        self.image_shape = (1, 28, 28)
        self.labels = Labels("classes", tuple("0123456789"))
        self.root = data_root(root)
        self.download = download

    def split(self, name: SplitName) -> Split:
        check_split(name)
        published = "test" if name == "test" else "train"
        examples = read_published(self.root, FOLDERS, published)
        if examples is None and self.download:
            fetch("MNIST", self.name, self.root)
            examples = read_published(self.root, FOLDERS, published)
        if examples is None:
            raise not_found(self.name, self.root, image_files(FOLDERS, published))
        return examples if name == "test" else train_or_validation(examples, name, one_in=HELD_OUT)
