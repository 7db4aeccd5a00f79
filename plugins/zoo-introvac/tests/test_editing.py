"""Directions of attributes, and pictures edited along them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import zoo_introvac
from zoo_introvac.directions import slope
from zoo_introvac.editing import moved_until, probability

import zoo_core as zoo
from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.interfaces import Labels
from zoo_core.noise import GeneratorNoise

from .conftest import Trained

NETS: dict[str, Any] = {
    "encoder": {"name": "mlp", "hidden": [8]},
    "decoder": {"name": "mlp", "hidden": [8]},
    "latent_dim": 4,
    "image_shape": (1, 8, 8),
}


@pytest.mark.parametrize(("name", "place"), [("right", 0), ("large", 1)])
def test_the_direction_is_that_of_the_difference_of_class_means(trained: Trained, name: str, place: int) -> None:
    noise = GeneratorNoise(torch.Generator().manual_seed(0))
    z = trained.model.posterior(trained.x).rsample(noise, "z").detach()
    has = trained.attributes[:, place]
    difference = z[has].mean(0) - z[~has].mean(0)
    found = zoo_introvac.direction(trained.model, name)
    assert found.norm() == pytest.approx(1, abs=1e-6)
    assert torch.cosine_similarity(found, difference, dim=0) >= 0.95


@pytest.mark.parametrize("adds", [True, False])
@pytest.mark.parametrize(("name", "place"), [("right", 0), ("large", 1)])
def test_an_edited_picture_encoded_again_has_moved_as_asked(
    trained: Trained, name: str, place: int, adds: bool
) -> None:
    """By as much as the classes lie apart, which is what it takes to get from one to the other."""
    model, has = trained.model, trained.attributes[:, place]
    along = model.encode(trained.x) @ zoo_introvac.direction(model, name)
    delta = float(along[has].mean() - along[~has].mean()) * (1 if adds else -1)
    x = trained.x[has != adds]

    def logit(pictures: torch.Tensor) -> torch.Tensor:
        return model.parts["head"].logits(model.encode(pictures))[:, place].detach()

    gained = (logit(zoo_introvac.edit(model, x, **{name: delta})) - logit(model.reconstruct(x))).mean()
    assert gained / (delta * slope(model, name).norm()) >= 0.5


def test_without_deltas_it_is_the_reconstruction_and_deltas_add_up(trained: Trained) -> None:
    model, x = trained.model, trained.x[:5]
    assert torch.equal(zoo_introvac.edit(model, x), model.reconstruct(x))
    z = model.encode(x) + 3 * zoo_introvac.direction(model, "right") - zoo_introvac.direction(model, "large")
    assert torch.allclose(zoo_introvac.edit(model, x, right=+3, large=-1), model.decode(z), atol=1e-6)


@pytest.mark.parametrize("wanted", [True, False])
def test_codes_move_as_far_as_needed_and_no_further(trained: Trained, wanted: bool) -> None:
    model, x = trained.model, trained.x[:40]
    found = moved_until(model, model.encode(x), "right", wanted=wanted, confidence=0.9)
    sure = probability(model, model.decode(found.z), "right")
    assert found.reached.all()
    assert ((sure if wanted else 1 - sure) >= 0.9).all()
    already = trained.attributes[:40, 0] == wanted
    assert found.deltas[already].abs().mean() < 0.5 < found.deltas[~already].abs().min()
    assert (found.deltas >= 0).all() if wanted else (found.deltas <= 0).all()


def test_what_is_never_reached_is_told(trained: Trained) -> None:
    model, x = trained.model, trained.x[~trained.attributes[:, 0]][:4]
    found = moved_until(model, model.encode(x), "right", confidence=0.999999, furthest=0.5)
    assert not found.reached.any() and (found.deltas == 0.5).all()


def test_a_class_lies_where_its_logit_is_above_the_others() -> None:
    labels = Labels("classes", ("a", "b", "c"))
    model = zoo.build("vae", labels=labels, head="linear", objective=["elbo", "latent-cross-entropy"], **NETS)
    w = model.parts["head"].directions().detach()
    assert torch.allclose(slope(model, "b"), w[1] - (w[0] + w[2]) / 2, atol=1e-6)
    assert probability(model, torch.rand(2, 1, 8, 8), "b").shape == (2,)


def test_what_is_wrong_is_said(trained: Trained) -> None:
    with pytest.raises(SettingError, match='no attribute "rihgt"') as told:
        zoo_introvac.edit(trained.model, trained.x[:1], rihgt=1)
    assert "right" in str(told.value)
    with pytest.raises(SettingError, match="between 0 and 1"):
        moved_until(trained.model, torch.zeros(1, 6), "right", confidence=1.0)
    with pytest.raises(IncompatibleError, match="has no head"):
        zoo_introvac.direction(zoo.build("vae", labels=Labels(), **NETS), "right")
    with pytest.raises(AttributeError):
        _ = zoo_introvac.nothing
