"""The data set that a model is trained on or looked at with: its size, its channels and its labels made the model's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from zoo_core.data.alignment import aligned
from zoo_core.data.labels import places, told_labels
from zoo_core.data.references import open_native, resized
from zoo_core.data.tokens import of_vocabulary
from zoo_core.errors import DataError, shown
from zoo_core.interfaces import Dataset, Part
from zoo_core.interfaces.tags import IN_WORDS

if TYPE_CHECKING:
    from zoo_core.model import Model


def dataset_for(
    model: Model, data: Any, *, root: str | None = None, settings: Mapping[str, Any] | None = None
) -> Dataset:
    """``data`` at the model's image size, with labels in the order of the model's, by name; windows of tokens at the model's length,
    with the model's ids.

    Data with other labels are taken as they are, under their own names, where neither parts nor objectives of the model look at
    labels.

    Arguments:
        data, root, settings: as :func:`zoo_core.open_dataset` takes them.

    Raises:
        DataError: data of another modality; images of another number of channels; windows of another length, or tokens that the
            model does not know; labels that do not fit, with both lists.
    """
    tokens = model.modality == "tokens"
    size = None if tokens else model.image_shape[1:]
    dataset = open_native(
        data, root=root, settings=settings, size=size, length=model.image_shape[2] if tokens else None
    )
    if dataset.modality != model.modality:
        found, wanted = (IN_WORDS[one] for one in (dataset.modality, model.modality))
        raise DataError(
            f"{shown(dataset.name)} is of {found}, this {model.recipe} of {wanted}",
            hint=f"choose data of {wanted}; see zoo list --kind dataset",
        )
    if tokens:
        dataset = of_vocabulary(_of_length(dataset, model.image_shape[2]), model.vocabulary)
    else:
        dataset = resized(dataset, model.image_shape[1:])
    if dataset.image_shape[0] != model.image_shape[0]:
        raise DataError(
            f"{dataset.name} has images of {dataset.image_shape[0]} channels, the model makes {model.image_shape[0]}",
            hint=f'build the model with data="{dataset.name}" or image_shape={list(dataset.image_shape)}',
        )
    fits = places(dataset.labels, model.labels) is not None
    return aligned(dataset, model.labels) if fits or told_labels(_components(model)) else dataset


def _of_length(dataset: Dataset, length: int) -> Dataset:
    """``dataset``, whose windows have to have the model's ``length``: tokens cannot be resized."""
    found = dataset.image_shape[2]
    if found != length:
        raise DataError(
            f"{shown(dataset.name)} has windows of {found} tokens, the model takes {length}",
            hint=f"--set data.length={length} if the data have that setting; the model's length is the default there",
        )
    return dataset


def refuse_without_labels(model: Model, dataset: Dataset) -> None:
    """Refuse to train ``model`` on data that do not say what its parts and objectives are told of each image.

    Raises:
        DataError: with who asks for it.
    """
    components = _components(model)
    for name in told_labels(components):
        component = components[name]
        asked = component.tags.labels if component.tags.labels != "none" else model.labels.type
        # An objective that is told labels without a tag takes examples of which none is known.
        needed = component.tags.labels != "none" or name in model.parts
        if needed and dataset.labels.type != asked:
            raise DataError(
                f'"{name}" of this {model.recipe} is told {asked}, and {dataset.name} has none',
                hint=f"choose data with {asked}",
            )


def _components(model: Model) -> dict[str, Part]:
    return cast("dict[str, Part]", {**dict(model.parts.items()), **dict(model.objectives.items())})
