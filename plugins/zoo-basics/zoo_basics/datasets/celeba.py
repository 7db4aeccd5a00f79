"""CelebA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor

from zoo_basics.datasets.arrays_file import array_shapes, load_array, read_arrays
from zoo_basics.datasets.held_out import check_split, train_or_validation
from zoo_basics.datasets.location import data_root, downloading, first_file, not_found
from zoo_basics.datasets.picture_files import PictureFiles, Side, height_and_width
from zoo_core.data import resize
from zoo_core.errors import DataError, shown
from zoo_core.interfaces import Dataset, Labels, Split, SplitName

FOLDER = "celeba"
PICTURES = "img_align_celeba"
ATTRIBUTES, PARTITION, PEOPLE = "list_attr_celeba.txt", "list_eval_partition.txt", "identity_CelebA.txt"
SUBSET = "celeba/celeba64_subset.npz"
SUBSET_SIZE = (64, 64)
HELD_OUT = 10
"""One in ten of the subset's training images is for validation; the whole set has the official partition."""
PARTS = {"train": 0, "validation": 1, "test": 2}


@final
class CelebaDataset(Dataset):
    """CelebA, aligned faces with 40 attributes; the official 162,770 for training, 19,867 for validation, 19,962 for
    test.

    The 218×178 originals are resized (Lanczos) to 78×64 and cropped in the middle to 64×64, as in Lamb et al. 2016
    and Larsen et al. 2016; other sizes in the same manner. They are read one at a time. A part of the set at 64×64
    (``celeba/celeba64_subset.npz``) is taken where the whole is missing; a tenth of its training images is then for
    validation, by person, so that nobody is in both. Who is in a picture (``groups``) is known where ``identity_CelebA.txt`` lies
    beside the two lists, and in the part.
    Source: Liu, Luo, Wang and Tang 2015; for non-commercial research only.

    Arguments:
        root: folder with data sets (``celeba/img_align_celeba`` and the two lists beside it); None is ``$ZOO_DATA``,
            else ``~/.cache/zoo/data``.
        download: fetch missing files.
        size: side of the images, or (height, width).
    """

    ATTRIBUTES = (
        "5_o_Clock_Shadow",
        "Arched_Eyebrows",
        "Attractive",
        "Bags_Under_Eyes",
        "Bald",
        "Bangs",
        "Big_Lips",
        "Big_Nose",
        "Black_Hair",
        "Blond_Hair",
        "Blurry",
        "Brown_Hair",
        "Bushy_Eyebrows",
        "Chubby",
        "Double_Chin",
        "Eyeglasses",
        "Goatee",
        "Gray_Hair",
        "Heavy_Makeup",
        "High_Cheekbones",
        "Male",
        "Mouth_Slightly_Open",
        "Mustache",
        "Narrow_Eyes",
        "No_Beard",
        "Oval_Face",
        "Pale_Skin",
        "Pointy_Nose",
        "Receding_Hairline",
        "Rosy_Cheeks",
        "Sideburns",
        "Smiling",
        "Straight_Hair",
        "Wavy_Hair",
        "Wearing_Earrings",
        "Wearing_Hat",
        "Wearing_Lipstick",
        "Wearing_Necklace",
        "Wearing_Necktie",
        "Young",
    )

    def __init__(self, *, root: str | None = None, download: bool = False, size: Side | tuple[Side, Side] = 64) -> None:
        self.name = "celeba"
        self.size = height_and_width(size) or SUBSET_SIZE
        self.image_shape = (3, *self.size)
        self.labels = Labels("attributes", self.ATTRIBUTES)
        self.root = data_root(root)
        self.download = download

    def split(self, name: SplitName) -> Split:
        check_split(name)
        folder, subset = self.root / FOLDER, first_file(self.root, [SUBSET])
        if not (folder / PICTURES).is_dir() and subset is None and self.download:
            _fetch(self.root)
        if (folder / PICTURES).is_dir():
            return self._whole(folder, name)
        if subset is not None:
            return self._subset(subset, name)
        raise not_found(self.name, self.root, [f"{FOLDER}/{PICTURES}", SUBSET])

    def _whole(self, folder: Path, name: SplitName) -> Split:
        part = {file: int(words[0]) for file, words in _rows(folder / PARTITION, skip=0)}
        attributes = dict(_rows(folder / ATTRIBUTES, skip=2))
        files = [file for file, number in part.items() if number == PARTS[name]]
        try:
            marks = np.array([attributes[file] for file in files], dtype=np.int8)
        except (KeyError, ValueError) as error:
            raise DataError(f"{shown(folder / ATTRIBUTES)} does not fit {PARTITION}: {shown(error)}") from error
        if marks.shape != (len(files), len(self.ATTRIBUTES)):
            raise DataError(f"{shown(folder / ATTRIBUTES)} does not have {len(self.ATTRIBUTES)} attributes for each")
        people = self._people(folder / PEOPLE, files) if (folder / PEOPLE).is_file() else None
        pictures = PictureFiles(
            [folder / PICTURES / file for file in files], size=self.size, native=self.size, channels=3
        )
        return Split(pictures, attributes=torch.from_numpy((marks > 0).astype(np.int8)), groups=people)

    def _people(self, path: Path, files: list[str]) -> Tensor:
        """int64 (N,): the number of the person in each of ``files``."""
        identity = dict(_rows(path, skip=0))
        try:
            return torch.tensor([int(identity[file][0]) for file in files], dtype=torch.int64)
        except (LookupError, ValueError) as error:
            raise DataError(f"{shown(path)} does not fit {PARTITION}: {shown(error)}") from error

    def _subset(self, path: Path, name: SplitName) -> Split:
        if self.size[0] > SUBSET_SIZE[0] or self.size[1] > SUBSET_SIZE[1]:
            raise DataError(
                f"{shown(path)} has faces at 64×64, {self.size[0]}×{self.size[1]} was asked for",
                hint="larger ones need the original pictures: give their folder with --data-root",
            )
        if tuple(load_array(path, "attr_names").tolist()) != self.ATTRIBUTES:
            raise DataError(f"{shown(path)} has other attributes than CelebA's 40")
        published = "test" if name == "test" else "train"
        groups = f"identity_{published}" if f"identity_{published}" in array_shapes(path) else None
        examples = read_arrays(path, f"x_{published}", attributes=f"attr_{published}", groups=groups)
        if self.size != SUBSET_SIZE:
            assert isinstance(examples.x, Tensor)  # read_arrays made it
            examples = replace(examples, x=resize(examples.x, self.size))
        return examples if name == "test" else train_or_validation(examples, name, one_in=HELD_OUT)


def _rows(path: Path, *, skip: int) -> Iterator[tuple[str, list[str]]]:
    """The first word and the others of each line after the first ``skip``."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{shown(path)} cannot be read: {shown(error)}") from error
    for line in lines[skip:]:
        words = line.split()
        if words:
            yield words[0], words[1:]


def _fetch(root: Path) -> None:
    from torchvision.datasets import CelebA
    from torchvision.datasets.utils import download_file_from_google_drive, extract_archive

    with downloading("celeba", root):
        for file_id, md5, file in CelebA.file_list:
            if file in (f"{PICTURES}.zip", ATTRIBUTES, PARTITION, PEOPLE):
                download_file_from_google_drive(file_id, str(root / FOLDER), file, md5)
        extract_archive(str(root / FOLDER / f"{PICTURES}.zip"))
