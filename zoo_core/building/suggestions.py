"""What would help where a part lacks a capability: another value of one of its settings, or another component of its kind.

Nothing declares which settings give which capability; it is found by trying, on the meta device, and only once something was refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import torch

from zoo_core.building.compatibility import takes_inputs, takes_modality
from zoo_core.building.plan import PartPlan, Plan
from zoo_core.errors import ZooError
from zoo_core.interfaces import Need, Part
from zoo_core.registry.components import registry
from zoo_core.registry.parameter import parameters

MOST = 6


class Suggestions:
    """What would help a model that is being built.

    Arguments:
        made: the model: its image shape, labels and shared parameters.
        build_part: builds one part by itself, to see what it can do.
    """

    def __init__(self, made: Plan, build_part: Callable[..., Part]) -> None:
        self.made, self.build_part = made, build_part

    def for_part(self, slot: str, planned: PartPlan, wanted: str) -> str:
        """What to type so that the part ``slot`` has a capability of ``wanted`` (alternatives stand as ``a|b``); empty where nothing
        does.

        Arguments:
            planned: the part as it was asked for.
        """
        advice = [f"{slot}.{key}={value}" for key, value in self._settings(planned, wanted)]
        others = list(self._others(planned, wanted, Need(planned.kind, inputs=planned.component.inputs)))
        if others:
            advice.append(f"{slot}={' or '.join(others[:MOST])}{' …' if len(others) > MOST else ''}")
        return f"set {', or '.join(advice)}" if advice else ""

    def fitting(self, need: Need) -> list[str]:
        """Components that meet ``need`` as they are, by name; where none does, all of its kind that take such data."""
        empty = PartPlan(need.kind, "")
        able = [set(self._others(empty, wanted, need)) for wanted in need.capabilities]
        entries = [entry for entry in registry().entries(need.kind) if not entry.family and takes_inputs(entry, need)]
        names = [registry().spelling(entry) for entry in entries if takes_modality(entry, self.made.modality)]
        return [name for name in names if all(name in one for one in able)] or names

    def _settings(self, planned: PartPlan, wanted: str) -> Iterator[tuple[str, str]]:
        """Single settings, among those with choices, that give it."""
        for key, parameter in parameters(planned.component).items():
            for choice in _choices(parameter.annotation):
                if choice != planned.params.get(key, parameter.default) and self._gives(
                    planned.kind, planned.name, {**planned.params, key: choice}, wanted
                ):
                    yield key, str(choice).lower() if isinstance(choice, bool) else str(choice)

    def _others(self, planned: PartPlan, wanted: str, need: Need) -> Iterator[str]:
        """Components of the same kind, with the inputs of ``need``, that give it as they are; families are not tried."""
        for entry in registry().entries(planned.kind):
            if entry.family or not takes_inputs(entry, need):
                continue
            name = registry().spelling(entry)
            if planned.name not in (name, entry.qualified):
                try:
                    known = parameters(entry.load())
                except ZooError:
                    continue
                shared = {key: value for key, value in self.made.shared.items() if key in known}
                if self._gives(
                    planned.kind, name, {**({"weights": None} if "weights" in known else {}), **shared}, wanted
                ):
                    yield name

    def _gives(self, kind: str, name: str, params: Mapping[str, Any], wanted: str) -> bool:
        try:
            with torch.device("meta"):
                spec = {"name": name, **params}
                made = self.made
                part = self.build_part(
                    kind, spec, image_shape=made.image_shape, labels=made.labels, vocabulary=made.vocabulary
                )
        except (ZooError, RuntimeError, TypeError):
            return False
        return bool(part.capabilities & set(wanted.split("|")))


def _choices(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if annotation is bool:
        return (False, True)
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    # One of a union, such as a list of layers or the name of a usual choice.
    return tuple(choice for one in get_args(annotation) if get_origin(one) is Literal for choice in get_args(one))
