"""Each recipe with the paper's settings and its twin with Adam are the same model."""

from __future__ import annotations

import pytest

from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.recipes import Recipe

TWINS = [name for name in catalogue().recipes if name.startswith("aae") and f"{name}-fast" in catalogue().recipes]


@pytest.mark.parametrize("name", TWINS)
def test_a_fast_recipe_has_the_parts_the_codes_and_the_objectives_of_its_twin(name: str) -> None:
    paper, fast = catalogue().recipe(name), catalogue().recipe(f"{name}-fast")
    assert fast.shared == paper.shared
    assert fast.objectives.keys() == paper.objectives.keys()
    assert {slot: part.name for slot, part in fast.parts.items()} == {
        slot: part.name for slot, part in paper.parts.items()
    }
    assert fast.parts["prior"].params == paper.parts["prior"].params
    assert _told(fast) == _told(paper)


def _told(recipe: Recipe) -> list[bool]:
    """Whether the decoder and the critic are told the label."""
    critic = recipe.objectives["adversarial-prior"]
    return [part.params.get("conditional", False) for part in (recipe.parts["decoder"], critic)]


def test_every_adversarial_autoencoder_of_the_paper_has_a_twin() -> None:
    assert TWINS == ["aae", "aae-labelled", "aae-supervised", "aae-clusters", "aae-semi", "aae-dimred"]
