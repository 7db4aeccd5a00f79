"""Labels: which stands where, by name, and who is told them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from zoo_core.errors import IncompatibleError, SettingError, did_you_mean, shown
from zoo_core.interfaces import Batch, FeatureExtractor, Head, Labels, Part, Prior

if TYPE_CHECKING:
    from zoo_core.model import Model

TOLD = frozenset({"labels", "likelihood.attributes"})
"""Capabilities of parts that meet the labels of examples."""

LISTED = 300
"""Letters of a list of names that a message shows."""


@lru_cache(maxsize=64)
def places(found: Labels, wanted: Labels) -> tuple[int, ...] | None:
    """Where the labels ``found`` in data stand in a model's order ``wanted``, by name; None where they have no place there.

    For classes the model's number of each of the data's: all of the data's have to be known to the model. For attributes the
    data's column of each of the model's: all of the model's have to be in the data, which may have more. Where one side has
    no names but numbers (0, 1, …), as arrays without names do, labels are taken by position: as many on both sides, or, for
    classes, fewer numbers than the model has.
    """
    if found.type != wanted.type:
        return None
    if found.names == wanted.names:
        return tuple(range(found.count))
    known, asked = (wanted, found) if found.type == "classes" else (found, wanted)
    place = {name: number for number, name in enumerate(known.names)}
    unique = len(place) == known.count and len(set(asked.names)) == asked.count
    if unique and set(asked.names) <= set(place):
        return tuple(place[name] for name in asked.names)
    fewer = found.type == "classes" and numbered(found) and found.count < wanted.count
    if (numbered(found) or numbered(wanted)) and (found.count == wanted.count or fewer):
        return tuple(range(found.count))
    return None


def chosen(labels: Labels, names: Sequence[str], where: str) -> Labels:
    """The attributes called ``names`` among ``labels``, in the order of ``names``; ``labels`` themselves where there are no names. Of
    a model that nobody has told any labels these are its attributes.

    Arguments:
        where: the setting that names them, for messages: ``attributes``, ``head.attributes``.

    Raises:
        SettingError: a name that is none of theirs, or there twice; classes.
    """
    if not names:
        return labels
    if labels.type == "classes":
        raise SettingError(
            f"{where}: the data have classes and no attributes",
            hint="attributes can be made of classes, as in --data digits:even=0|2|4|6|8",
            labels=labels,
        )
    for name in names:
        if labels.type == "attributes" and name not in labels.names:
            raise SettingError(
                f'{where}: the data have no attribute "{shown(name)}"',
                hint=did_you_mean(name, labels.names) or f"they have {listed(labels.names)}",
                name=name,
            )
        if list(names).count(name) > 1:
            raise SettingError(f'{where}: "{shown(name)}" is there twice')
    return Labels("attributes", tuple(names))


def told_apart(part: Part, labels: Labels) -> Labels:
    """What the logits of a head or classifier stand for: its own ``attributes``, else the model's ``labels``."""
    own = part.attributes if isinstance(part, Head | FeatureExtractor) else ()
    return Labels("attributes", own) if own else labels


def attributes_for(batch: Batch, part: Part, labels: Labels) -> Tensor:
    """The batch's attributes in the order of the logits of a head or classifier, int8 (N, A).

    Arguments:
        labels: the model's, in whose order the batch is.

    Raises:
        IncompatibleError: the batch has no attributes, or not all that the part tells.
    """
    own = told_apart(part, labels)
    if batch.attributes is None or labels.type != "attributes":
        raise IncompatibleError(
            f"attributes were asked for, and these data have labels of type {labels.type}",
            hint="choose data with attributes",
        )
    if own == labels:
        return batch.attributes
    columns = places(labels, own)
    if columns is None:
        raise IncompatibleError(
            f"the part tells {listed(own.names)}, the model knows the attributes {listed(labels.names)}",
            hint="choose data with these attributes",
        )
    # Columns rather than an index, which would have to go to the device first.
    return torch.stack([batch.attributes[:, column] for column in columns], dim=1)


def logit_places(own: Labels, count: int, wanted: Labels, who: str) -> tuple[int, ...]:
    """Of each label in ``wanted``, a model's, the number of the logit that stands for it: by name, and by position where the classifier
    does not know what its logits stand for, or one side has numbers for names.

    Arguments:
        own: what the classifier's logits stand for, in their order.
        count: how many logits there are.
        who: the classifier, for messages.

    Raises:
        IncompatibleError: it knows other labels, or another number of them.
    """
    if own.type == "none":
        if count == wanted.count:
            return tuple(range(count))
        raise IncompatibleError(
            f"{shown(who)} tells {count} labels apart, the model has {wanted.count}", hint="choose another classifier"
        )
    # Of classes, too, it may know others than the model: what is asked is which logit stands for each of the model's labels.
    found = places(own, wanted) if own.type == "attributes" or numbered(own) else places(wanted, own)
    if own.type != wanted.type or found is None or len(found) != wanted.count:
        raise IncompatibleError(
            f"{shown(who)} was trained with the {own.type} {listed(own.names)}; the model has the {wanted.type} {listed(wanted.names)}",
            hint="choose a classifier of the same labels",
        )
    return found


def told_labels(components: Mapping[str, Part]) -> list[str]:
    """Names of the parts and objectives that are told the examples' labels, or are held against them. A prior has places for some, but
    meets no example."""
    return [
        name
        for name, component in components.items()
        if not isinstance(component, Prior) and (component.tags.labels != "none" or component.capabilities & TOLD)
    ]


def labels_for(model: Model, batch: Batch, *parts: str) -> Tensor | None:
    """The batch's classes, or attributes, where one of the model's ``parts`` takes labels, else None."""
    return batch.condition if any("labels" in model.capabilities(part) for part in parts) else None


def one_each(labels: Labels, numbers: Tensor) -> Tensor:
    """One label for each of ``numbers`` (N,), as parts take them: classes as they are, attributes as rows (N, A) of which that one alone
    is there."""
    return one_hot(numbers, labels.count) if labels.type == "attributes" else numbers


def in_turn(labels: Labels, n: int, *, start: int = 0, device: torch.device | None = None) -> Tensor:
    """``n`` labels, a model's classes in turn, or its attributes, each by itself; the first is number ``start``, counted round."""
    return one_each(labels, torch.arange(start, start + n, device=device) % labels.count)


def numbered(labels: Labels) -> bool:
    """Whether the names are numbers in order, which arrays without names get."""
    return labels.names == tuple(map(str, range(labels.count)))


def listed(names: Sequence[str]) -> str:
    """``names`` for a message."""
    return shown(", ".join(names), LISTED)
