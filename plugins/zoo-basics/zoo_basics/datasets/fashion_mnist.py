"""Fashion-MNIST."""

from __future__ import annotations

from typing import final

from zoo_basics.datasets.arrays_file import read_arrays
from zoo_basics.datasets.held_out import check_split, train_or_validation
from zoo_basics.datasets.location import data_root, first_file, not_found
from zoo_basics.datasets.mnist_files import fetch, image_files, read_published
from zoo_core.interfaces import Dataset, Labels, Split, SplitName

FOLDERS = ("FashionMNIST/raw", "fashion_mnist")
SUBSET = "fashion_mnist/fashion_mnist_subset.npz"
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
HELD_OUT = 6
"""One in six training images is for validation: 10,000 of 60,000."""


@final
class FashionMnistDataset(Dataset):
    """Fashion-MNIST: clothes, 28×28 in grey; 50,000 to train on, 10,000 for validation (seed 0), 10,000 for test.

    Source: Xiao, Rasul and Vollgraf 2017. A part of the set as ``fashion_mnist/fashion_mnist_subset.npz`` is taken
    where the whole is missing; a sixth of its training images is then for validation.

    Arguments:
        root: folder with data sets (``FashionMNIST/raw`` or ``fashion_mnist`` in it); None is ``$ZOO_DATA``, else
            ``~/.cache/zoo/data``.
        download: fetch missing files.
    """

    def __init__(self, *, root: str | None = None, download: bool = False) -> None:
        self.name = "fashion-mnist"
        self.image_shape = (1, 28, 28)
        self.labels = Labels("classes", CLASSES)
        self.root = data_root(root)
        self.download = download

    def split(self, name: SplitName) -> Split:
        check_split(name)
        published = "test" if name == "test" else "train"
        examples = read_published(self.root, FOLDERS, published)
        subset = first_file(self.root, [SUBSET])
        if examples is None and subset is not None:
            examples = read_arrays(subset, f"x_{published}", y=f"y_{published}")
        if examples is None and self.download:
            fetch("FashionMNIST", self.name, self.root)
            examples = read_published(self.root, FOLDERS, published)
        if examples is None:
            raise not_found(self.name, self.root, [*image_files(FOLDERS, published), SUBSET])
        return examples if name == "test" else train_or_validation(examples, name, one_in=HELD_OUT)
