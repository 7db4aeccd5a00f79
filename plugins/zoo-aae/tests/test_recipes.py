"""Each recipe with the paper's settings and its twin with Adam are the same model."""

from __future__ import annotations

import pytest

from zoo_core.catalogue import catalogue
from zoo_core.recipes import Recipe

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
    assert fast.parts["decoder"].params.get("conditional") == paper.parts["decoder"].params.get("conditional")


@pytest.mark.parametrize(("name", "told"), [("aae-labelled", True), ("aae-supervised", False), ("aae", False)])
def test_the_critic_is_told_what_the_paper_tells_it_and_in_the_fast_twin_the_label_beside_a_style(
    name: str, told: bool
) -> None:
    assert _critic_is_told(catalogue().recipe(name)) is told
    assert _critic_is_told(catalogue().recipe(f"{name}-fast")) is (told or name == "aae-supervised")


def _critic_is_told(recipe: Recipe) -> bool:
    return recipe.objectives["adversarial-prior"].params.get("conditional", False)


def test_every_adversarial_autoencoder_of_the_paper_has_a_twin() -> None:
    assert TWINS == ["aae", "aae-labelled", "aae-supervised", "aae-clusters", "aae-semi", "aae-dimred"]
