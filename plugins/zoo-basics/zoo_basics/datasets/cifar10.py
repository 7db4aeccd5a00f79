"""CIFAR-10."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal, final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zoo_basics.datasets.arrays_file import load_array, read_arrays
from zoo_basics.datasets.cifar_pickle import read_cifar_batch
from zoo_basics.datasets.held_out import check_split, train_or_validation
from zoo_basics.datasets.location import data_root, downloading, first_file, not_found
from zoo_basics.datasets.picture_files import UNREADABLE
from zoo_core.data import cut, indices_of
from zoo_core.errors import DataError, shown
from zoo_core.interfaces import Dataset, Labels, Split, SplitName

BATCHES = "cifar-10-batches-py"
SUBSET = "cifar10/cifar10_lossless_subset.npz"
JPEG = "cifar10/cifar10_jpeg75.npz"
HELD_OUT = 10
"""One in ten training images is for validation: 5,000 of 50,000."""


@final
class Cifar10Dataset(Dataset):
    """CIFAR-10: photos of ten kinds of things, 32×32 in colour; 45,000 for training, 5,000 for validation (seed 0),
    10,000 for test.

    Source: Krizhevsky 2009.

    Arguments:
        root: folder with data sets; None is ``$ZOO_DATA``, else ``~/.cache/zoo/data``.
        download: fetch missing files (not for ``jpeg``).
        variant: ``exact`` is the original pixels: the whole set (``cifar-10-batches-py``), else a part of it
            (``cifar10/cifar10_lossless_subset.npz``, 5,085 + 717 images, a tenth of the former for validation).
            ``jpeg`` is the whole training set and half the test set after JPEG compression at quality 75
            (``cifar10/cifar10_jpeg75.npz``).
    """

    CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    def __init__(
        self, *, root: str | None = None, download: bool = False, variant: Literal["exact", "jpeg"] = "exact"
    ) -> None:
        self.name = "cifar10"
        self.image_shape = (3, 32, 32)
        self.labels = Labels("classes", self.CLASSES)
        self.root = data_root(root)
        self.download = download
        self.variant = variant

    def split(self, name: SplitName) -> Split:
        check_split(name)
        return self._jpeg(name) if self.variant == "jpeg" else self._exact(name)

    def _exact(self, name: SplitName) -> Split:
        published = "test" if name == "test" else "train"
        folder, subset = self.root / BATCHES, self.root / SUBSET
        if not folder.is_dir() and not subset.is_file() and self.download:
            _fetch(self.root)
        if folder.is_dir():
            examples = _read_batches(folder, published)
        elif subset.is_file():
            examples = read_arrays(subset, f"x_{published}", y=f"y_{published}")
        else:
            raise not_found(self.name, self.root, [BATCHES, SUBSET])
        return examples if name == "test" else train_or_validation(examples, name, one_in=HELD_OUT)

    def _jpeg(self, name: SplitName) -> Split:
        path = first_file(self.root, [JPEG])
        if path is None:
            raise DataError(
                f"there is no {JPEG} in {shown(self.root)}",
                hint="give its folder with --data-root, or take variant=exact",
            )
        published = "test" if name == "test" else "train"
        y = torch.from_numpy(load_array(path, f"y_{published}").astype(np.int64))
        # Only the images of the split are decoded: the training file takes seconds.
        chosen = torch.arange(len(y)) if name == "test" else indices_of(cut(len(y), len(y) // HELD_OUT), name)
        return Split(_decode(path, published, chosen), y[chosen])


def _read_batches(folder: Path, published: str) -> Split:
    from torchvision.datasets import CIFAR10

    files = CIFAR10.test_list if published == "test" else CIFAR10.train_list
    batches = [read_cifar_batch(folder / file, md5) for file, md5 in files]
    x = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    y = [label for batch in batches for label in batch["labels"]]
    return Split(torch.from_numpy(x), torch.tensor(y, dtype=torch.int64))


def _decode(path: Path, published: str, indices: Tensor) -> Tensor:
    files = load_array(path, f"{published}_jpeg").tobytes()
    offsets = load_array(path, f"{published}_offsets").tolist()
    x = np.empty((len(indices), 32, 32, 3), dtype=np.uint8)
    for place, index in enumerate(indices.tolist()):
        file = io.BytesIO(files[offsets[index] : offsets[index + 1]])
        try:
            with Image.open(file, formats=("JPEG",)) as image:
                x[place] = image.convert("RGB")
        except UNREADABLE as error:
            raise DataError(
                f"picture {index} of {shown(path)} cannot be read as a JPEG file: {shown(error)}"
            ) from error
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()


def _fetch(root: Path) -> None:
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import download_and_extract_archive

    with downloading("cifar10", root):
        download_and_extract_archive(CIFAR10.url, str(root), filename=CIFAR10.filename, md5=CIFAR10.tgz_md5)
