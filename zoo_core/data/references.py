"""From what a user says of data ("digits", "folder:PATH", a tensor) to a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from torch import Tensor

from zoo_core.data.arrays import ArrayDataset
from zoo_core.data.resized import ResizedDataset
from zoo_core.errors import DataError, NameConflict, UnknownName, shown
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.tags import IN_WORDS
from zoo_core.parameters import check, parameters
from zoo_core.registry import Resolved, registry


def open_dataset(reference: Any, *, root: str | None = None, settings: Mapping[str, Any] | None = None,
                 image_size: int | tuple[int, int] | None = None) -> Dataset:
    """The data set that ``reference`` means.

    Arguments:
        reference: a name (``"digits"``, ``"zoo-basics:digits"``), a name with a path (``"folder:PATH"``,
            ``"npz:PATH"``), a :class:`Dataset`, an array of images, or a pair (images, labels) as
            :class:`ArrayDataset` takes them.
        root: the folder that holds data sets, for sets that look for files there.
        settings: parameters of the data set, for a reference by name.
        image_size: side of the images, or (height, width). A set that has a parameter ``size`` reads its images at
            that size (from the originals, cropped in its own way); others are resized bilinearly when they are read. Only images
            can be.

    Raises:
        DataError: the reference is of no known form, or a path is missing or not taken; a size for data that have none.
        UnknownName: no data set is registered under the name.
        SettingError: a setting is unknown or of a wrong value.
    """
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    return resized(open_native(reference, root=root, settings=settings, size=size), size)


def resized(dataset: Dataset, size: tuple[int, int] | None) -> Dataset:
    """``dataset`` with its images at ``size``; as it is where they have it.

    Raises:
        DataError: it is not of images.
    """
    if size is None or dataset.image_shape[1:] == size:
        return dataset
    if dataset.modality != "image":
        height, width = dataset.image_shape[1:]
        raise DataError(
            f"{shown(dataset.name)} is of {IN_WORDS[dataset.modality]} ({height}x{width}), which cannot be resized to {size[0]}x{size[1]}",
            hint="choose data of that size, or of images",
        )
    return ResizedDataset(dataset, size)


def open_native(reference: Any, *, root: str | None = None, settings: Mapping[str, Any] | None = None,
                size: tuple[int, int] | None = None, length: int | None = None) -> Dataset:
    """The data set that ``reference`` means, as :func:`open_dataset` has it, of whatever size it is.

    Arguments:
        size, length: for the parameters ``size`` and ``length`` of the data set, where it has them and ``settings`` leave them out.
    """
    if isinstance(reference, str):
        dataset = _by_name(reference, dict(settings or {}), {"root": root, "size": size, "length": length})
    elif settings:
        raise DataError("data given as an object take no settings", hint='name the data set, as in data="digits"')
    elif isinstance(reference, Dataset):
        dataset = reference
    elif isinstance(reference, (Tensor, np.ndarray)):
        dataset = ArrayDataset(reference)
    elif isinstance(reference, tuple) and len(reference) == 2:
        dataset = ArrayDataset(*reference)
    else:
        raise DataError(f"data are a {type(reference).__name__}, expected a name, a Dataset, an array or (images, "
                        "labels)",
                        hint='as in data="digits", data="folder:PATH" or data=(x, y)')
    return dataset


def _by_name(reference: str, settings: dict[str, Any], usual: Mapping[str, Any]) -> Dataset:
    """The data set that is called so; of ``usual`` come the parameters that it has, ``settings`` leave out and are not None."""
    if reference.startswith((".", "/", "~")):
        raise DataError(f'"{shown(reference)}" is a path, and could be of several kinds',
                        hint=f'type "folder:{shown(reference)}" for pictures, "npz:{shown(reference)}" for arrays, '
                             f'"text:{shown(reference)}" for a text')
    resolved, path = _component(reference, registry().resolve)
    cls = cast(type[Dataset], resolved.entry.load())
    known = parameters(cls)
    if path is not None:
        if "path" not in known:
            name = reference.removesuffix(f":{path}")
            raise DataError(f'data set "{shown(name)}" takes no path', hint=f'type "{shown(name)}"')
        settings["path"] = path
    elif "path" in known and "path" not in settings:
        raise DataError(f'data set "{shown(reference)}" needs a path', hint=f'type "{shown(reference)}:PATH"')
    filled = {name: value for name, value in usual.items() if value is not None and name in known}
    return cls(**check(cls, {**filled, **settings}, "data"))


def qualified(reference: str) -> str:
    """``reference`` with its plugin's name, ``plugin:name`` or ``plugin:name:PATH``, which means one data set whatever else is installed.

    Raises:
        UnknownName, NameConflict: there is none, or several.
    """
    resolved, path = _component(reference, registry().resolve)
    return resolved.qualified if path is None else f"{resolved.qualified}:{path}"


def saved_reference(reference: str) -> str:
    """As :func:`qualified`, for a reference that stands in a file, where a short name means the official data set; as it is where
    nothing is registered under it."""
    try:
        resolved, path = _component(reference, registry().resolve_saved)
    except (UnknownName, NameConflict):
        return reference
    return resolved.qualified if path is None else f"{resolved.qualified}:{path}"


def registered_name(dataset: Dataset) -> str:
    """``plugin:name`` under which the class of ``dataset`` is registered; its own name where it is not."""
    inner = dataset.dataset if isinstance(dataset, ResizedDataset) else dataset
    target = f"{type(inner).__module__}:{type(inner).__qualname__}"
    return next((entry.qualified for entry in registry().entries("dataset") if entry.target == target), inner.name)


def _component(reference: str, resolve: Callable[[str, str], Resolved]) -> tuple[Resolved, str | None]:
    """A data set and the path behind its name; a colon also stands between a plugin and a name."""
    colons = [at for at, letter in enumerate(reference) if letter == ":"]
    for at in colons[:2]:  # name:PATH, plugin:name:PATH
        try:
            return resolve("dataset", reference[:at]), reference[at + 1 :]
        except UnknownName:
            continue
    return resolve("dataset", reference), None
