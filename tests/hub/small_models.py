"""Every recipe with narrow nets."""

from __future__ import annotations

from typing import Any

import zoo_core as zoo
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry
from zoo_core.registry.parameter import parameters
from zoo_core.testing.recipes import data_of_recipe


def small(recipe: str) -> zoo.Model:
    """A recipe with narrow nets and random weights, where it has such settings."""
    plan = catalogue().recipe(recipe)
    settings: dict[str, Any] = {
        name: 2
        for name, shared in plan.shared.items()
        if not shared.sum_of and not shared.follows and type(shared.default) is int
    }
    for slot, part in plan.parts.items():
        known = parameters(registry().resolve(part.kind, part.name).entry.load())
        chosen: dict[str, Any] = {"weights": None} if "weights" in known else {}
        chosen |= {"width": 4} if "width" in known else {}
        chosen |= {"features": 8} if "features" in known else {}
        chosen |= {"hidden": [6]} if isinstance(part.params.get("hidden"), list) else {}
        chosen |= {"net": {"hidden": [6]}} if part.kind == "decoder" and "net" in known else {}
        settings[slot] = {"name": part.name, **part.params, **chosen}
    settings |= {f"objective.{name}.hidden": [6] for name, one in plan.objectives.items() if "hidden" in one.params}
    settings |= {f"objective.{name}.denoiser": {"width": 8, "depth": 1} for name in plan.objectives if name == "dfm"}
    return zoo.build(recipe, **data_of_recipe(recipe), seed=4, **settings)
