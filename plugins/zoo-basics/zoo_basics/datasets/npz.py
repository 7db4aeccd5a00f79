"""Arrays in an .npz file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, final

from annotated_types import Ge, Lt

from zoo_basics.datasets.arrays_file import Layout, array_shapes, image_shape, load_array, read_arrays
from zoo_basics.datasets.held_out import check_split, cut_missing
from zoo_core.data import pick
from zoo_core.errors import DataError, shown
from zoo_core.interfaces import Dataset, Labels, Split, SplitName


@final
class NpzDataset(Dataset):
    """Images in a file written by ``numpy.savez``; nothing in it is unpickled.

    Arrays: ``x_train`` (and ``x_validation``, ``x_test``), or ``x`` alone: uint8 (N, H, W), (N, H, W, C) or (N, C, H,
        W). Beside
    them ``y_train``, … or ``y``: classes as integers (N,), −1 = unlabelled; ``attr_train``, … or ``attr``: attributes
    0 and 1 (N, A), −1 = unknown; ``class_names`` and ``attr_names``. Splits that are not in the file are cut from the
    training images with seed 0.

    Arguments:
        path: the file.
        layout: order of the axes; ``auto`` finds the channels where one of the two places has 1 or 3 and the other
            has not.
        validation: share of the images for validation, where there is no ``x_validation``.
        test: share of the images for test, where there is no ``x_test``.

    Raises:
        DataError: there is no such file, or it has no such arrays.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"path": "arrays.npz"}]

    def __init__(
        self,
        *,
        path: str,
        layout: Layout = "auto",
        validation: Annotated[float, Ge(0), Lt(1)] = 0.1,
        test: Annotated[float, Ge(0), Lt(1)] = 0.1,
    ) -> None:
        self.path = Path(path).expanduser()
        if not self.path.is_file():
            raise DataError(
                f"there is no file {shown(self.path)}", hint="data=npz:PATH takes a file of arrays", path=str(self.path)
            )
        self.name = f"npz:{path}"
        self.layout: Layout = layout
        self.validation, self.test = validation, test
        arrays = array_shapes(self.path)
        if "x_train" not in arrays and "x" not in arrays:
            raise DataError(
                f"{shown(self.path)} has neither x_train nor x; it has {shown(', '.join(arrays))}", path=str(self.path)
            )
        self._suffix = {"train": "_train" if "x_train" in arrays else ""}
        self._suffix |= {name: f"_{name}" for name in ("validation", "test") if f"x_{name}" in arrays}
        self._arrays = arrays
        self._count = arrays[f"x{self._suffix['train']}"][0][0]
        self.image_shape = image_shape(self.path, f"x{self._suffix['train']}", layout)
        self.labels = self._read_labels()

    def split(self, name: SplitName) -> Split:
        check_split(name)
        if name != "train" and name in self._suffix:
            return self._read(name)
        parts = cut_missing(self._count, self._suffix, validation=self.validation, test=self.test)
        return pick(self._read("train"), parts[name])

    def _read(self, name: str) -> Split:
        suffix = self._suffix[name]
        y, attributes = (key if key in self._arrays else None for key in (f"y{suffix}", f"attr{suffix}"))
        return read_arrays(self.path, f"x{suffix}", y=y, attributes=attributes, layout=self.layout)

    def _read_labels(self) -> Labels:
        y, attributes = (f"{key}{self._suffix['train']}" for key in ("y", "attr"))
        if y in self._arrays:
            return Labels("classes", self._names("class_names") or _numbers(int(load_array(self.path, y).max()) + 1))
        if attributes in self._arrays:
            return Labels("attributes", self._names("attr_names") or _numbers(self._arrays[attributes][0][1]))
        return Labels()

    def _names(self, key: str) -> tuple[str, ...]:
        return tuple(map(str, load_array(self.path, key).tolist())) if key in self._arrays else ()


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))
