"""The characters of a text file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, final

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt

from zoo_basics.datasets.held_out import check_split
from zoo_core.errors import DataError, shown
from zoo_core.interfaces import Dataset, Labels, Modality, Split, SplitName, Vocabulary


@final
class TextDataset(Dataset):
    """Windows of characters of a text in UTF-8, one after the other, without overlap.

    Splits are stretches of the file: the first 85 % train, the next 5 % are for validation, the last 10 % for test, so that no window
    reaches from one into another; what does not fill a window at a stretch's end is left out. The vocabulary is that of the whole
    file, characters in the order of their code points. Nothing is changed: case, spaces and line ends are as in the file.

    Arguments:
        path: the file.
        length: characters of a window. A model that predicts each from those before predicts all but the first.
        validation: share of the file for validation.
        test: share of the file for test.

    Raises:
        DataError: there is no such file, it is not in UTF-8, or it is too short.
    """

    modality: Modality = "tokens"

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"path": "text.txt"}]

    def __init__(
        self,
        *,
        path: str,
        length: Annotated[int, Ge(2), Le(4096)] = 50,
        validation: Annotated[float, Gt(0), Lt(1)] = 0.05,
        test: Annotated[float, Gt(0), Lt(1)] = 0.1,
    ) -> None:
        if validation + test >= 1:
            raise DataError(
                f"validation {validation:g} and test {test:g} of a text leave nothing to train on",
                hint="choose shares that add up to less than 1",
            )
        self.path = Path(path).expanduser()
        self.name = f"text:{path}"
        self.length = length
        self.image_shape = (1, 1, length)
        self.labels = Labels()
        self._ids, self.vocabulary = _numbered(_code_points(self.path))
        count = len(self._ids)
        ends = (round(count * (1 - validation - test)), round(count * (1 - test)))
        self._stretches: dict[SplitName, slice] = {
            "train": slice(0, ends[0]),
            "validation": slice(ends[0], ends[1]),
            "test": slice(ends[1], count),
        }
        for name, stretch in self._stretches.items():
            if stretch.stop - stretch.start < length:
                raise DataError(
                    f"the {name} part of {shown(self.path)} has {stretch.stop - stretch.start} of its {count:,} characters, "
                    f"fewer than a window of {length}",
                    hint=f"take a longer text, shorter windows (data.length) or another "
                    f"share{'' if name == 'train' else f' (data.{name})'}",
                )

    def split(self, name: SplitName) -> Split:
        check_split(name)
        stretch = self._ids[self._stretches[name]]
        whole = len(stretch) // self.length * self.length
        return Split(torch.from_numpy(stretch[:whole].astype(np.int64)).view(-1, self.length))


def _code_points(path: Path) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """The characters of the text in ``path`` by number.

    Raises:
        DataError: it cannot be read, or is not in UTF-8.
    """
    if not path.is_file():
        raise DataError(f"there is no file {shown(path)}", hint="data=text:PATH takes a text file", path=str(path))
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{shown(path)} is no text in UTF-8: byte {error.start:,} is {error.object[error.start]:#04x}",
            hint="save it in UTF-8",
            path=str(path),
        ) from None
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be read: {shown(error.strerror)}", path=str(path)) from None
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")


def _numbered(points: np.ndarray[Any, np.dtype[np.uint32]]) -> tuple[np.ndarray[Any, Any], Vocabulary]:
    """The ids of the characters ``points``, in as few bytes as they need, and what they stand for."""
    there = np.unique(points)
    ids = np.empty(int(there[-1]) + 1 if len(there) else 0, dtype=np.uint8 if len(there) <= 256 else np.uint32)
    ids[there] = np.arange(len(there))
    return ids[points], Vocabulary(tuple(map(chr, there.tolist())))
