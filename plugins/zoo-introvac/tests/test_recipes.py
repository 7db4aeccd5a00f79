"""The recipes `vac` and `introvac` as they come."""

from __future__ import annotations

import pytest

import zoo_core as zoo
from zoo_core.interfaces import Labels


@pytest.mark.parametrize("recipe", ["vac", "introvac"])
def test_the_nets_are_as_large_as_the_authors(recipe: str) -> None:
    """Encoder and decoder of section 4.1 at 128x128, a linear head without bias with a logit for each attribute, and one for fakes."""
    model = zoo.build(recipe, labels=Labels("attributes", ("Eyeglasses",)))
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in model.parts.items()}
    assert model.image_shape == (3, 128, 128)
    assert sizes["encoder"] == pytest.approx(13.8e6, rel=0.01) and sizes["decoder"] == pytest.approx(9.4e6, rel=0.01)
    assert sizes["head"] == 256 * (1 if recipe == "vac" else 2)


def test_digits_have_a_preset_whose_attributes_are_made_of_classes() -> None:
    model = zoo.build("introvac", data="digits:even=0|2|4|6|8,round=0|6|8|9")
    assert model.labels == Labels("attributes", ("even", "round"))
    parts = model.config["parts"]
    assert parts["encoder"]["name"] == parts["decoder"]["name"] == "zoo-basics:dcgan"
    assert parts["head"]["params"]["latent_dim"] == 16
    assert model.config["objectives"]["introspection"]["params"]["start"] == 0.2
    players = model.config["training"]["players"]
    assert players["generator"]["losses"] == ["fit", "fool"]
    assert {player["lr"] for player in players.values()} == {5e-4}
