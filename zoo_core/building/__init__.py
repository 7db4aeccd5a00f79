"""From names to a model: planned, checked, built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.exports import exported

if TYPE_CHECKING:
    from zoo_core.building.builder import build_part as build_part
    from zoo_core.building.compatibility import check_inputs as check_inputs
    from zoo_core.building.compatibility import check_layer as check_layer
    from zoo_core.building.extractors import FoundExtractor as FoundExtractor
    from zoo_core.building.extractors import Wanted as Wanted
    from zoo_core.building.extractors import find_extractor as find_extractor
    from zoo_core.building.extractors import find_judge as find_judge
    from zoo_core.building.load_part import load_saved_part as load_saved_part

__all__ = [
    "FoundExtractor",
    "Wanted",
    "build_part",
    "check_inputs",
    "check_layer",
    "find_extractor",
    "find_judge",
    "load_saved_part",
]

__getattr__ = exported(
    __name__,
    {
        "FoundExtractor": "zoo_core.building.extractors",
        "Wanted": "zoo_core.building.extractors",
        "build_part": "zoo_core.building.builder",
        "check_inputs": "zoo_core.building.compatibility",
        "check_layer": "zoo_core.building.compatibility",
        "find_extractor": "zoo_core.building.extractors",
        "find_judge": "zoo_core.building.extractors",
        "load_saved_part": "zoo_core.building.load_part",
    },
)
