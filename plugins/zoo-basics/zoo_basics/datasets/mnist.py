"""MNIST, and Fashion-MNIST in the same format."""

from __future__ import annotations

from pathlib import Path
from typing import final

from torch import int64

from zoo_basics.datasets.arrays_file import read_arrays
from zoo_basics.datasets.held_out import check_split, train_or_validation
from zoo_basics.datasets.idx import read_idx
from zoo_basics.datasets.location import data_root, downloading, first_file, not_found
from zoo_core.errors import DataError, shown
from zoo_core.interfaces import Dataset, Labels, Split
from zoo_core.interfaces.dataset import SplitName

HELD_OUT = 6
"""One in six training images is for validation: 10,000 of 60,000."""


@final
class MNISTDataset(Dataset):
    """MNIST: handwritten digits, 28×28 in grey; 50,000 for training, 10,000 for validation (seed 0), 10,000 for test.

    Source: LeCun, Bottou, Bengio and Haffner 1998.

    Arguments:
        root: folder with data sets (``MNIST/raw`` or ``mnist`` in it); None is ``$ZOO_DATA``, else
            ``~/.cache/zoo/data``.
        download: fetch missing files.
    """

    FOLDERS = ("MNIST/raw", "mnist")

    def __init__(self, *, root: str | None = None, download: bool = False) -> None:
        self.name = "mnist"
        self.image_shape = (1, 28, 28)
        self.labels = Labels("classes", tuple("0123456789"))
        self.root = data_root(root)
        self.download = download

    def split(self, name: SplitName) -> Split:
        check_split(name)
        published = "test" if name == "test" else "train"
        found = _find(self.root, self.FOLDERS, published)
        if found is None and self.download:
            _fetch("MNIST", self.name, self.root)
            found = _find(self.root, self.FOLDERS, published)
        if found is None:
            raise not_found(self.name, self.root, [f"{f}/{_files(published)[0]}[.gz]" for f in self.FOLDERS])
        examples = _read(*found)
        return examples if name == "test" else train_or_validation(examples, name, one_in=HELD_OUT)


@final
class FashionMNISTDataset(Dataset):
    """Fashion-MNIST: articles of clothing, 28×28 in grey; 50,000 for training, 10,000 for validation (seed 0), 10,000
    for test.

    Source: Xiao, Rasul and Vollgraf 2017. A part of the set as ``fashion_mnist/fashion_mnist_subset.npz`` is taken
        where the whole
    is missing; a sixth of its training images is then for validation.

    Arguments:
        root: folder with data sets (``FashionMNIST/raw`` or ``fashion_mnist`` in it); None is ``$ZOO_DATA``, else
            ``~/.cache/zoo/data``.
        download: fetch missing files.
    """

    FOLDERS = ("FashionMNIST/raw", "fashion_mnist")
    SUBSET = "fashion_mnist/fashion_mnist_subset.npz"
    CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

    def __init__(self, *, root: str | None = None, download: bool = False) -> None:
        self.name = "fashion-mnist"
        self.image_shape = (1, 28, 28)
        self.labels = Labels("classes", self.CLASSES)
        self.root = data_root(root)
        self.download = download

    def split(self, name: SplitName) -> Split:
        check_split(name)
        published = "test" if name == "test" else "train"
        found = _find(self.root, self.FOLDERS, published)
        subset = first_file(self.root, [self.SUBSET])
        if found is None and subset is None and self.download:
            _fetch("FashionMNIST", self.name, self.root)
            found = _find(self.root, self.FOLDERS, published)
        if found is not None:
            examples = _read(*found)
        elif subset is not None:
            examples = read_arrays(subset, f"x_{published}", y=f"y_{published}")
        else:
            looked_for = [*(f"{f}/{_files(published)[0]}[.gz]" for f in self.FOLDERS), self.SUBSET]
            raise not_found(self.name, self.root, looked_for)
        return examples if name == "test" else train_or_validation(examples, name, one_in=HELD_OUT)


def _files(published: str) -> tuple[str, str]:
    prefix = "t10k" if published == "test" else "train"
    return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"


def _find(root: Path, folders: tuple[str, ...], published: str) -> tuple[Path, Path] | None:
    for folder in folders:
        images, labels = (first_file(root / folder, [name, f"{name}.gz"]) for name in _files(published))
        if images is not None and labels is not None:
            return images, labels
    return None


def _read(images: Path, labels: Path) -> Split:
    x, y = read_idx(images), read_idx(labels)
    if x.ndim != 3 or y.shape != (len(x),):
        raise DataError(f"{shown(images)} and {labels.name} do not belong together: "
                        f"their shapes are {tuple(x.shape)} and {tuple(y.shape)}")
    return Split(x[:, None], y.to(int64))


def _fetch(torchvision_name: str, name: str, root: Path) -> None:
    from torchvision import datasets
    from torchvision.datasets.utils import download_url

    published = getattr(datasets, torchvision_name)
    for file, md5 in published.resources:
        with downloading(name, root):
            _from_any_mirror(published.mirrors, file, md5, root / torchvision_name / "raw", download_url)


def _from_any_mirror(mirrors: list[str], file: str, md5: str, folder: Path, download_url) -> None:
    failure: Exception | None = None
    for mirror in mirrors:
        try:
            return download_url(f"{mirror}{file}", str(folder), file, md5)
        except (OSError, RuntimeError) as error:
            failure = error
    raise OSError(f"no mirror has {file} ({failure})")
