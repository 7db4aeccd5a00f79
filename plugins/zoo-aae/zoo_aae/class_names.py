"""What the labels of a model stand for: classes of the data where the model was told so, numbered components elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from zoo_core.interfaces import Encoder, Objective, Part

if TYPE_CHECKING:
    from zoo_core.model import Model


def categories(model: Model) -> int:
    """Width of the label at the front of the model's codes, 0 where there is none."""
    return cast(Encoder, model.parts["encoder"]).family.categories if "encoder" in model.parts else 0


class Called(NamedTuple):
    """What places of a code or of a prior stand for (``class``), and the name of each."""

    what: str
    names: list[str]


def category_names(model: Model) -> Called:
    """What the places of the label at the front of a code are called: classes where draws of the prior can be asked for by class,
    else clusters with their numbers, from 1."""
    count = categories(model)
    if "labels" in model.capabilities("prior") and model.labels.count == count:
        return Called("class", [*model.labels.names])
    return Called("cluster", _numbers(count))


def component_names(model: Model, count: int) -> Called:
    """What the ``count`` components of the model's prior are called: classes where an objective tells the components apart by
    label (section 2.3), else components with their numbers, from 1."""
    parts = [cast(Part, objective) for objective in cast(dict[str, Objective], dict(model.objectives.items())).values()]
    if count == model.labels.count and any("labels.places" in part.capabilities for part in parts):
        return Called("class", [*model.labels.names])
    return Called("component", _numbers(count))


def _numbers(count: int) -> list[str]:
    return [str(place + 1) for place in range(count)]
