"""Street View House Numbers."""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
import torch

from zoo_basics.datasets.arrays_file import read_arrays
from zoo_basics.datasets.held_out import check_split, train_or_validation
from zoo_basics.datasets.location import data_root, downloading, first_file, not_found
from zoo_core.errors import DataError, shown
from zoo_core.interfaces import Dataset, Labels, Split, SplitName

SUBSET = "svhn/svhn_subset.npz"
HELD_OUT = 73_257 / 10_000
"""10,000 of the 73,257 training images are for validation, as in Lamb et al. 2016; of a part of the set, the same
share."""


@final
class SvhnDataset(Dataset):
    """SVHN, cropped digits: house numbers, 32×32 in colour; 63,257 for training, 10,000 for validation (seed 0),
    26,032 for test.

    Source: Netzer et al. 2011; the sizes of train and validation are those of Lamb et al. 2016. The digit 0 is class
        0. A part of
    the set as ``svhn/svhn_subset.npz`` is taken where the whole is missing.

    Arguments:
        root: folder with data sets (``train_32x32.mat`` in it or in its ``svhn``); None is ``$ZOO_DATA``, else
            ``~/.cache/zoo/data``.
        download: fetch missing files.
    """

    def __init__(self, *, root: str | None = None, download: bool = False) -> None:
        self.name = "svhn"
        self.image_shape = (3, 32, 32)
        self.labels = Labels("classes", tuple("0123456789"))
        self.root = data_root(root)
        self.download = download

    def split(self, name: SplitName) -> Split:
        check_split(name)
        published = "test" if name == "test" else "train"
        candidates = [f"{published}_32x32.mat", f"svhn/{published}_32x32.mat"]
        whole, subset = first_file(self.root, candidates), first_file(self.root, [SUBSET])
        if whole is None and subset is None and self.download:
            _fetch(self.root, published)
            whole = first_file(self.root, candidates)
        if whole is not None:
            examples = _read_mat(whole)
        elif subset is not None:
            examples = read_arrays(subset, f"x_{published}", y=f"y_{published}")
        else:
            raise not_found(self.name, self.root, [*candidates, SUBSET])
        return examples if name == "test" else train_or_validation(examples, name, one_in=HELD_OUT)


def _read_mat(path: Path) -> Split:
    from scipy.io import loadmat

    try:
        mat = loadmat(path, variable_names=["X", "y"])
        x, y = mat["X"], mat["y"].astype(np.int64).ravel()
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        raise DataError(f"{shown(path)} cannot be read as SVHN's .mat file: {shown(error)}") from error
    # X is (32, 32, 3, N); the published labels run from 1 to 10, 10 being the digit 0.
    return Split(torch.from_numpy(np.ascontiguousarray(x.transpose(3, 2, 0, 1))), torch.from_numpy(y % 10))


def _fetch(root: Path, published: str) -> None:
    from torchvision.datasets import SVHN
    from torchvision.datasets.utils import download_url

    url, file, md5 = SVHN.split_list[published]
    with downloading("svhn", root):
        download_url(url, str(root), file, md5)
