"""What each recipe of the catalogue is built for: images or tokens, classes or attributes."""

from __future__ import annotations

from typing import Any

from zoo_core.interfaces import Labels, Vocabulary
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry

CLASSES = Labels("classes", ("zero", "one"))
ATTRIBUTES = Labels("attributes", ("round", "even"))
TOKENS = Vocabulary(tuple("abcde "))
LENGTH = 12


def data_of_recipe(recipe: str) -> dict[str, Any]:
    """``labels`` and, for tokens, ``image_shape`` and ``vocabulary``, as ``zoo.build`` takes them, for the recipe called so: the first of
    classes, attributes and tokens that its components take."""
    known = catalogue().recipe(recipe)
    entries = [registry().resolve(part.kind, part.name).entry for part in known.parts.values()]
    entries += [registry().resolve("objective", one.name).entry for one in known.objectives.values()]
    tags = [entry.load().tags for entry in entries]
    if any(one.modalities == ("tokens",) for one in tags):
        return {"image_shape": (1, 1, LENGTH), "vocabulary": TOKENS}
    told = any(part.params.get("attributes") is True for part in known.parts.values())
    return {"labels": ATTRIBUTES if told or any(one.labels == "attributes" for one in tags) else CLASSES}
