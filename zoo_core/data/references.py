"""From what a user says of data ("digits", "celeba:Eyeglasses", "folder:PATH", a tensor) to a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
from torch import Tensor

from zoo_core.data.arrays import ArrayDataset
from zoo_core.data.attribute_set import AttributeSet
from zoo_core.data.flipped import FlippedDataset
from zoo_core.data.made import innermost, layers
from zoo_core.data.resized import ResizedDataset
from zoo_core.data.settings import DataSettings
from zoo_core.errors import DataError, NameConflict, SettingError, UnknownName, did_you_mean, shown
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.tags import IN_WORDS
from zoo_core.registry.components import Resolved, registry
from zoo_core.registry.parameter import check, parameters

_FOR_ALL = parameters(DataSettings)


def open_dataset(
    reference: Any,
    *,
    root: str | None = None,
    settings: Mapping[str, Any] | None = None,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """The data set that ``reference`` means.

    Arguments:
        reference: a name (``"digits"``, ``"zoo-basics:digits"``), a name with a path (``"folder:PATH"``,
            ``"npz:PATH"``), a name with an expression of its attributes or classes (``"celeba:Eyeglasses"``,
            ``"digits:even=0|2|4|6|8"``, see :class:`~zoo_core.data.AttributeSet`), a :class:`Dataset`, an array of images, or a pair
            (images, labels) as :class:`ArrayDataset` takes them.
        root: the folder that holds data sets, for sets that look for files there.
        settings: parameters of the data set, for a reference by name; and :class:`~zoo_core.data.settings.DataSettings`, for any.
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


def open_native(
    reference: Any,
    *,
    root: str | None = None,
    settings: Mapping[str, Any] | None = None,
    size: tuple[int, int] | None = None,
    length: int | None = None,
) -> Dataset:
    """The data set that ``reference`` means, as :func:`open_dataset` has it, of whatever size it is.

    Arguments:
        size, length: for the parameters ``size`` and ``length`` of the data set, where it has them and ``settings`` leave them out.
    """
    if isinstance(reference, str):
        opened = _by_name(reference, dict(settings or {}), {"root": root, "size": size, "length": length})
    else:
        opened = _Opened(_given(reference), dict(settings or {}))
        own = [key for key in opened.for_all if key not in _FOR_ALL]
        if own:
            raise SettingError(
                f"data.{shown(own[0])}: data given as an object take no settings but {', '.join(_FOR_ALL)}",
                hint='name the data set, as in data="digits"',
            )
    return _with_settings(opened.dataset, DataSettings(**check(DataSettings, opened.for_all, "data")))


class _Opened(NamedTuple):
    """A data set, and what is set of it that is no setting of its own."""

    dataset: Dataset
    for_all: dict[str, Any]


def _given(data: Any) -> Dataset:
    """The data set that an object is."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, (Tensor, np.ndarray)):
        return ArrayDataset(data)
    if isinstance(data, tuple) and len(data) == 2:
        return ArrayDataset(*data)
    raise DataError(
        f"data are a {type(data).__name__}, expected a name, a Dataset, an array or (images, labels)",
        hint='as in data="digits", data="folder:PATH" or data=(x, y)',
    )


def _with_settings(dataset: Dataset, settings: DataSettings) -> Dataset:
    """``dataset`` with what can be set of every one."""
    if settings.attributes is not None:
        dataset = AttributeSet(
            dataset, settings.attributes, negatives=settings.negatives, order=settings.negatives_order
        )
    elif settings.negatives is not None:
        raise SettingError(
            "data.negatives: examples are balanced by an attribute, and none is named",
            hint='name it, as in "celeba:Eyeglasses" or data.attributes=Eyeglasses',
        )
    return FlippedDataset(dataset) if settings.flip else dataset


def _by_name(reference: str, settings: dict[str, Any], usual: Mapping[str, Any]) -> _Opened:
    """The data set that is called so; of ``usual`` come the parameters that it has, ``settings`` leave out and are not None."""
    if reference.startswith((".", "/", "~")):
        raise DataError(
            f'"{shown(reference)}" is a path, and could be of several kinds',
            hint=f'type "folder:{shown(reference)}" for pictures, "npz:{shown(reference)}" for arrays, '
            f'"text:{shown(reference)}" for a text',
        )
    resolved, rest = _component(reference, registry().resolve)
    cls = cast(type[Dataset], resolved.entry.load())
    known = parameters(cls)
    name = reference if rest is None else reference.removesuffix(f":{rest}")
    if rest is not None and "path" in known:
        settings["path"] = rest
    elif rest is not None:
        _refuse_path(name, rest)
        if "attributes" in settings:
            raise SettingError(
                f'data.attributes: "{shown(reference)}" names its attributes already', hint="leave one of the two out"
            )
        settings["attributes"] = rest
    elif "path" in known and "path" not in settings:
        raise DataError(f'data set "{shown(reference)}" needs a path', hint=f'type "{shown(reference)}:PATH"')
    for key, value in usual.items():
        if value is not None and key in known:
            settings.setdefault(key, value)
    unknown = [key for key in settings if key not in known and key not in _FOR_ALL]
    if unknown:
        both = [*known, *(key for key in _FOR_ALL if key not in known)]
        raise SettingError(
            f'data.{shown(unknown[0])}: data set "{shown(name)}" has no such setting',
            hint=f"{did_you_mean(unknown[0], both)} it takes {', '.join(both)}".strip(),
            key=f"data.{unknown[0]}",
        )
    own = check(cls, {key: value for key, value in settings.items() if key in known}, "data")
    return _Opened(cls(**own), {key: value for key, value in settings.items() if key not in known})


def _refuse_path(name: str, rest: str) -> None:
    """Refuse what looks like a path, or is nothing, behind the ``name`` of a data set that takes none."""
    if not rest.strip() or rest.startswith((".", "/", "~")):
        raise DataError(f'data set "{shown(name)}" takes no path', hint=f'type "{shown(name)}"')


def qualified(reference: str) -> str:
    """``reference`` with its plugin's name, ``plugin:name``, ``plugin:name:PATH`` or ``plugin:name:EXPRESSION``, which means one data
    set whatever else is installed.

    Raises:
        UnknownName, NameConflict: there is none, or several.
    """
    name, rest = parted(reference)
    return name if rest is None else f"{name}:{rest}"


def saved_reference(reference: str) -> str:
    """As :func:`qualified`, for a reference that stands in a file, where a short name means the official data set; as it is where
    nothing is registered under it."""
    try:
        resolved, path = _component(reference, registry().resolve_saved)
    except (UnknownName, NameConflict):
        return reference
    return resolved.qualified if path is None else f"{resolved.qualified}:{path}"


def parted(reference: str) -> tuple[str, str | None]:
    """``plugin:name`` of ``reference``, and the path or expression behind it.

    Raises:
        UnknownName, NameConflict: there is no such data set, or several.
    """
    resolved, rest = _component(reference, registry().resolve)
    return resolved.qualified, rest


def registered_name(dataset: Dataset) -> str:
    """``plugin:name`` under which the class of ``dataset`` is registered, whatever was made of it here; its own name where it is not."""
    inner = innermost(dataset)
    target = f"{type(inner).__module__}:{type(inner).__qualname__}"
    return next((entry.qualified for entry in registry().entries("dataset") if entry.target == target), inner.name)


def protocol(dataset: Dataset) -> dict[str, Any]:
    """What a figure rests on of how ``dataset`` was made, beside its name."""
    return {
        key: value
        for layer in layers(dataset)
        if isinstance(layer, AttributeSet)
        for key, value in layer.protocol.items()
    }


def _component(reference: str, resolve: Callable[[str, str], Resolved]) -> tuple[Resolved, str | None]:
    """A data set and the path, or the expression, behind its name; a colon also stands between a plugin and a name."""
    colons = [at for at, letter in enumerate(reference) if letter == ":"]
    for at in colons[:2]:  # name:REST, plugin:name:REST
        try:
            return resolve("dataset", reference[:at]), reference[at + 1 :]
        except UnknownName:
            continue
    return resolve("dataset", reference), None
