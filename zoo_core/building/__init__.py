"""From names to a model: planned, checked, built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.exports import exported

if TYPE_CHECKING:
    from zoo_core.building.compatibility import check_inputs as check_inputs
    from zoo_core.building.compatibility import check_layer as check_layer
    from zoo_core.building.extractors import Wanted as Wanted
    from zoo_core.building.extractors import find_extractor as find_extractor

__all__ = [
    "Wanted",
    "check_inputs",
    "check_layer",
    "find_extractor",
]

__getattr__ = exported(
    __name__,
    {
        "Wanted": "zoo_core.building.extractors",
        "check_inputs": "zoo_core.building.compatibility",
        "check_layer": "zoo_core.building.compatibility",
        "find_extractor": "zoo_core.building.extractors",
    },
)
