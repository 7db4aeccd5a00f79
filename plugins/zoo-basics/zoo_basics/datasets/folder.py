"""A folder of pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, final

import torch
from annotated_types import Ge, Lt

from zoo_basics.datasets.held_out import check_split, cut_missing
from zoo_basics.datasets.picture_files import FORMATS, PictureFiles, Size, header, height_and_width
from zoo_core.data import pick
from zoo_core.errors import DataError, shown
from zoo_core.interfaces import Dataset, Labels, Split, SplitName

SPLITS = ("train", "validation", "test")


@final
class FolderDataset(Dataset):
    """The pictures in a folder and in the folders below it, read one at a time, in the order of their names.

    Where every picture sits exactly one folder down (``cat/1.png``, ``dog/7.jpg``), those folders are the classes, in
    the order of their names; otherwise there are no labels. A file has to be what the end of its name says: a JPEG file
    called ``1.png`` is refused. Where the folder holds ``train`` and beside it only
    ``validation`` and ``test``, those are the splits; missing ones are cut from the training pictures with seed 0.

    Arguments:
        path: the folder.
        size: side of the images, or (height, width): pictures are resized (Lanczos) to cover it and cropped in the
            middle. None: all pictures must have the first one's size.
        channels: 1 (grey) or 3 (colour); None is what the first picture has.
        validation: share of the pictures for validation, where there is no ``validation`` folder.
        test: share of the pictures for test, where there is no ``test`` folder.

    Raises:
        DataError: there is no such folder, or no picture in it, or the first one cannot be read.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"path": "pictures"}]

    def __init__(
        self,
        *,
        path: str,
        size: Size = None,
        channels: Literal[1, 3] | None = None,
        validation: Annotated[float, Ge(0), Lt(1)] = 0.1,
        test: Annotated[float, Ge(0), Lt(1)] = 0.1,
    ) -> None:
        root = Path(path).expanduser()
        if not root.is_dir():
            raise DataError(
                f"there is no folder {shown(root)}", hint="data=folder:PATH takes a folder of pictures", path=str(root)
            )
        self.name = f"folder:{path}"
        self.path = root
        self.validation, self.test = validation, test
        self._folders = _split_folders(root)
        self._files = {name: _pictures(folder) for name, folder in self._folders.items()}
        if not self._files["train"]:
            raise DataError(
                f"there is no picture in {shown(self._folders['train'])}",
                hint=f"pictures end in {' '.join(sorted(FORMATS))}",
                path=str(root),
            )
        self._native, first_channels = header(self._folders["train"] / self._files["train"][0])
        self._size = height_and_width(size)
        self._channels = channels or first_channels
        self.image_shape = (self._channels, *(self._size or self._native))
        self._classes = _classes([file for files in self._files.values() for file in files])
        self.labels = Labels("classes", self._classes) if self._classes else Labels()

    def split(self, name: SplitName) -> Split:
        check_split(name)
        if name != "train" and name in self._files:
            return self._read(name)
        parts = cut_missing(len(self._files["train"]), self._files, validation=self.validation, test=self.test)
        return pick(self._read("train"), parts[name])

    def _read(self, name: str) -> Split:
        folder, files = self._folders[name], self._files[name]
        pictures = PictureFiles(
            [folder / file for file in files], size=self._size, native=self._native, channels=self._channels
        )
        number = {label: place for place, label in enumerate(self._classes)}
        return Split(pictures, torch.tensor([number[file.parts[0]] for file in files]) if self._classes else None)


def _split_folders(root: Path) -> dict[str, Path]:
    below = {entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")}
    # A class may be called "train" too: only where all folders are named after splits do they mean splits.
    if "train" in below and below <= set(SPLITS):
        return {name: root / name for name in SPLITS if name in below}
    return {"train": root}


def _pictures(folder: Path) -> list[Path]:
    """Paths of the pictures relative to ``folder``, sorted."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if not f.startswith(".")]
        found += [
            Path(place, f).relative_to(folder)
            for f in files
            if not f.startswith(".") and os.path.splitext(f)[1].lower() in FORMATS
        ]
    return sorted(found)


def _classes(files: list[Path]) -> tuple[str, ...]:
    return tuple(sorted({file.parts[0] for file in files})) if all(len(file.parts) == 2 for file in files) else ()
