"""Labels: which stands where, by name, and who is told them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from zoo_core.errors import shown
from zoo_core.interfaces import Batch, Labels, Part, Prior

if TYPE_CHECKING:
    from zoo_core.model import Model

TOLD = frozenset({"labels", "likelihood.attributes"})
"""Capabilities of parts that meet the labels of examples."""

LISTED = 300
"""Letters of a list of names that a message shows."""


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
