"""STL-10."""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor

from zoo_basics.datasets.held_out import check_split, train_or_validation
from zoo_basics.datasets.location import data_root, downloading, not_found
from zoo_core.errors import DataError, shown
from zoo_core.interfaces import Dataset, Labels, Split, SplitName

FOLDER = "stl10_binary"
HELD_OUT = 10
"""One in ten training images is for validation: 500 of 5,000."""


@final
class Stl10Dataset(Dataset):
    """STL-10: photos of ten kinds of things, 96×96 in colour; 4,500 for training, 500 for validation (seed 0), 8,000
    for test.

    Source: Coates, Lee and Ng 2011.

    Arguments:
        root: folder with data sets (``stl10_binary`` in it); None is ``$ZOO_DATA``, else ``~/.cache/zoo/data``.
        download: fetch missing files.
        unlabelled: train on the 100,000 unlabelled images as well (label −1), after the labelled ones.
    """

    CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")

    def __init__(self, *, root: str | None = None, download: bool = False, unlabelled: bool = False) -> None:
        self.name = "stl10"
        self.image_shape = (3, 96, 96)
        self.labels = Labels("classes", self.CLASSES)
        self.root = data_root(root)
        self.download = download
        self.unlabelled = unlabelled

    def split(self, name: SplitName) -> Split:
        check_split(name)
        folder = self.root / FOLDER
        if not folder.is_dir() and self.download:
            _fetch(self.root)
        if not folder.is_dir():
            raise not_found(self.name, self.root, [FOLDER])
        if name == "test":
            return _read(folder, "test")
        examples = train_or_validation(_read(folder, "train"), name, one_in=HELD_OUT)
        if name == "validation" or not self.unlabelled:
            return examples
        more = _read_images(folder / "unlabeled_X.bin")
        assert isinstance(examples.x, Tensor) and examples.y is not None  # _read made them
        return Split(torch.cat([examples.x, more]), torch.cat([examples.y, torch.full((len(more),), -1)]))


def _read(folder: Path, published: str) -> Split:
    x, y = _read_images(folder / f"{published}_X.bin"), _read_bytes(folder / f"{published}_y.bin")
    if len(x) != len(y):
        raise DataError(f"{shown(folder)} has {len(x)} {published} images and {len(y)} labels")
    return Split(x, torch.from_numpy(y.astype(np.int64) - 1))  # published as 1 to 10


def _read_images(path: Path) -> Tensor:
    raw = _read_bytes(path)
    if len(raw) % (3 * 96 * 96):
        raise DataError(f"{shown(path)} is no whole number of images", hint="the file is cut off: fetch it again")
    # Each channel is stored column by column.
    return torch.from_numpy(raw.reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2).copy())


def _read_bytes(path: Path) -> np.ndarray:
    try:
        return np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be read: {shown(error)}") from error


def _fetch(root: Path) -> None:
    from torchvision.datasets import STL10
    from torchvision.datasets.utils import download_and_extract_archive

    with downloading("stl10", root):
        download_and_extract_archive(STL10.url, str(root), filename=STL10.filename, md5=STL10.tgz_md5)
