"""What people give a model by hand: arrays in any form, and labels as numbers or names."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo_core.data.labels import listed, numbered
from zoo_core.errors import SettingError, did_you_mean, shown
from zoo_core.interfaces.batch import Labels


def as_count(n: Any, what: str) -> int:
    """``n`` as a whole number of at least 1.

    Raises:
        SettingError: it is none.
    """
    try:
        count = operator.index(n)
    except TypeError:
        raise SettingError(f"{what}: should be a whole number, got {shown(repr(n))}") from None
    if count < 1:
        raise SettingError(f"{what}: should be asked for at least one picture, got {count}")
    return count


def as_tensor(value: Any, what: str) -> Tensor:
    """``value``, a tensor, an array or a list of numbers, as a tensor.

    Raises:
        SettingError: it is none of them.
    """
    if isinstance(value, Tensor):
        return value
    array = _as_array(value, what)
    if array.dtype.kind not in "biuf":
        raise SettingError(f"{what} should be numbers, got {_kind_of(value)}")
    try:
        # Torch takes neither negative strides nor another machine's byte order.
        return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
    except TypeError as error:
        raise SettingError(f"{what} cannot be read as a tensor: {shown(error)}") from None


def as_tokens(value: Any, length: int, count: int) -> Tensor:
    """``value``, windows of ``length`` token ids below ``count``, as int64 (N, length).

    Raises:
        SettingError: it is none.
    """
    ids = as_tensor(value, "windows of tokens")
    if ids.ndim != 2 or ids.shape[1] != length or ids.is_floating_point() or ids.dtype == torch.bool:
        raise SettingError(
            f"windows of tokens should be whole numbers of shape (N, {length}), got {str(ids.dtype).removeprefix('torch.')} of shape "
            f"{tuple(ids.shape)}",
            hint="ids are what model.vocabulary.ids gives",
        )
    if ids.numel() and not (int(ids.min()) >= 0 and int(ids.max()) < count):
        raise SettingError(f"ids of tokens should be from 0 to {count - 1}, got {int(ids.min())} to {int(ids.max())}")
    return ids.to(torch.int64)


def as_labels(
    y: Any, labels: Labels, count: int, *, classes: int, what: str = "y", unknown: bool = True, one_hot: bool = False
) -> Tensor:
    """The labels of ``count`` examples, however they are given.

    Arguments:
        y: for classes, numbers or names, one for each example or one for all, as a tensor, an array, a list, a range or by
            itself; for attributes 0 and 1, a row for each example or one for all.
        labels: a model's.
        classes: how many numbers there are; 0 does not say.
        what: what the labels are called in a message.
        unknown: −1 stands for a label that is not known, rather than for none.
        one_hot: classes may come as rows of their weights, too.

    Returns:
        Classes as int64 (count,), or as they come (count, K) where they are ``one_hot``; attributes as int64 (count, A). On the
        CPU where ``y`` was no tensor.

    Raises:
        SettingError: another number of labels, or one that the model has not.
    """
    if labels.type == "attributes":
        return _as_attributes(y, labels, count, what)
    given = y if isinstance(y, Tensor) else _as_numbers(y, labels if labels.count == classes else Labels(), what)
    if one_hot and given.shape == (count, classes):
        return given
    if given.dim() > 1 or (given.dim() == 1 and len(given) not in (1, count)):
        or_one_hot = f", or one-hot of shape ({count}, {classes})" if one_hot else ""
        raise SettingError(
            f"{what} should be {count} labels, or one for all{or_one_hot}; got shape {tuple(given.shape)}"
        )
    if given.is_floating_point() or given.is_complex() or given.dtype == torch.bool:
        raise SettingError(f"{what} should be whole numbers, got {given.dtype}")
    given = given.to(torch.int64).expand(count)
    wrong = (given < (-1 if unknown else 0)) | (given >= (classes or torch.iinfo(torch.int64).max))
    if wrong.any():
        named = "" if labels.count != classes or numbered(labels) else f"or by name: {listed(labels.names)}"
        raise SettingError(f"{what} {int(given[wrong][0])}: the model's classes are 0 to {classes - 1}", hint=named)
    return given


def _as_attributes(y: Any, labels: Labels, count: int, what: str) -> Tensor:
    given = as_tensor(y, what)
    if given.shape not in ((labels.count,), (1, labels.count), (count, labels.count)):
        raise SettingError(
            f"{what} should be {count} rows of {labels.count} attributes, or one for all, got shape {tuple(given.shape)}",
            hint=f"the attributes are {listed(labels.names)}",
        )
    if not ((given == 0) | (given == 1) | (given == -1)).all():
        raise SettingError(f"{what}: attributes should be 0 or 1, or -1 where not known")
    return given.to(torch.int64).expand(count, labels.count)


def _as_numbers(y: Any, labels: Labels, what: str) -> Tensor:
    """``y`` with the names of classes replaced by their numbers."""
    array = _as_array(y, what)
    if array.dtype.kind not in "UO":
        return as_tensor(array, what)
    numbers = [_number(one, labels, what) for one in array.ravel().tolist()]
    return torch.tensor(numbers, dtype=torch.int64).reshape(array.shape)


def _number(label: Any, labels: Labels, what: str) -> int:
    """The number of a class that is given by name; a number in letters is one where no class is called so."""
    if isinstance(label, str) and label in labels.names:
        return labels.names.index(label)
    try:
        number = int(label) if isinstance(label, str) else operator.index(label)
    except (TypeError, ValueError):
        names = f"the classes are {listed(labels.names)}" if labels.names else "a class is a whole number"
        hint = did_you_mean(str(label), labels.names) or names
        raise SettingError(f"{what}: there is no class {shown(repr(label))}", hint=hint) from None
    return min(max(number, -(2**62)), 2**62)  # still out of range, and fits a tensor


def _as_array(value: Any, what: str) -> np.ndarray[Any, Any]:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # rows of several lengths, tensors on another device
        raise SettingError(f"{what} cannot be read as an array: {shown(error)}") from None
    if array.dtype.kind == "O" and array.ndim == 0 and not isinstance(value, int):
        raise SettingError(f"{what} should be a list or an array, got {_kind_of(value)}")
    return array


def _kind_of(value: Any) -> str:
    return f"{type(value).__name__} {shown(repr(value), 60)}"
