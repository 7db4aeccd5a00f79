"""A data set made of arrays in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.data.cuts import cut, indices_of
from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Labels
from zoo_core.interfaces.dataset import Dataset, Split, SplitName


@final
class ArrayDataset(Dataset):
    """Images given as an array, cut into train, validation and test (a tenth each, at least one image) with a fixed
    seed.

    Arguments:
        x: (N, C, H, W) or (N, H, W); uint8, or floating point in [0, 1], which is stored as uint8 (rounded to 1/255).
        y: integers (N,), −1 = unlabelled.
        class_names: names of the classes 0, 1, …; by default their numbers.
        name: what messages call the data.

    Raises:
        DataError: another shape, type or range; fewer than 3 images; labels of another length.
    """

    def __init__(self, x: Any, y: Any = None, *, class_names: Sequence[str] = (), name: str = "array") -> None:
        self.name = name
        self._x = _as_bytes(torch.as_tensor(x))
        self._y = None if y is None else _as_classes(torch.as_tensor(y), len(self._x))
        channels, height, width = self._x.shape[1:]
        self.image_shape = (channels, height, width)
        self.labels = Labels() if self._y is None else Labels("classes", _names(self._y, class_names))
        held_out = max(1, len(self._x) // 10)
        self._parts = cut(len(self._x), held_out, held_out)

    def split(self, name: SplitName) -> Split:
        return Split(self._x, self._y).subset(indices_of(self._parts, name))


def _as_bytes(x: Tensor) -> Tensor:
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim != 4 or 0 in x.shape:
        raise DataError(f"images have shape {tuple(x.shape)}, expected (N, C, H, W) or (N, H, W)")
    if x.dtype == torch.uint8:
        return x.detach().cpu()
    if not x.dtype.is_floating_point:
        raise DataError(f"images are {x.dtype}, expected uint8 or floating point in [0, 1]")
    low, high = float(x.min()), float(x.max())
    if not (low >= 0 and high <= 1):
        raise DataError(f"images range from {low:g} to {high:g}, expected [0, 1] (or uint8, 0 to 255)")
    return (x.detach().cpu() * 255).round().to(torch.uint8)


def _as_classes(y: Tensor, count: int) -> Tensor:
    if y.shape != (count,) or y.dtype.is_floating_point or y.dtype == torch.bool:
        raise DataError(f"labels are {y.dtype} of shape {tuple(y.shape)}, expected integers of shape ({count},)")
    y = y.detach().cpu().to(torch.int64)
    if int(y.min()) < -1:
        raise DataError(f"labels go down to {int(y.min())}, expected 0, 1, … (or −1 where the class is not known)")
    return y


def _names(y: Tensor, names: Sequence[str]) -> tuple[str, ...]:
    count = int(y.max()) + 1
    if names and len(names) < count:
        raise DataError(f"there are {len(names)} class names for labels up to {count - 1}")
    return tuple(names) or tuple(map(str, range(count)))
