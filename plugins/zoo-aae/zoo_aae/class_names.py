"""What the labels of a model stand for: classes of the data where the model was told so, numbered components elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from zoo_core.interfaces import Encoder, Objective, Part

if TYPE_CHECKING:
    from zoo_core.model import Model


def categories(model: Model) -> int:
    """Width of the label at the front of the model's codes, 0 where there is none."""
    return cast(Encoder, model.parts["encoder"]).family.categories if "encoder" in model.parts else 0


def category_names(model: Model) -> list[str]:
    """What each place of the label at the front of a code is called: a class where draws of the prior can be asked for by class,
    else its number, from 1."""
    count = categories(model)
    if "labels" in model.capabilities("prior") and model.labels.count == count:
        return [*model.labels.names]
    return [str(place + 1) for place in range(count)]


def component_names(model: Model, count: int) -> list[str]:
    """What each of ``count`` components of the model's prior is called: a class where an objective tells the components apart by
    label (section 2.3), else its number, from 1."""
    parts = [cast(Part, objective) for objective in cast(dict[str, Objective], dict(model.objectives.items())).values()]
    if count == model.labels.count and any("labels" in part.capabilities for part in parts):
        return [*model.labels.names]
    return [str(place + 1) for place in range(count)]
