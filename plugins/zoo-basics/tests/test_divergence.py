"""The divergence as a term of its own, and weights of what a head is taught."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import zoo_core as zoo
from zoo_core.game import Step
from zoo_core.interfaces import Batch, Labels
from zoo_core.noise import KeyedNoise

LABELS = Labels("classes", ("a", "b"))
SMALL: dict[str, Any] = {
    "encoder": {"name": "mlp", "hidden": [8]},
    "decoder": {"name": "mlp", "hidden": [8], "sigma": "fixed"},
    "latent_dim": 5,
}


def terms(objective: Any, **settings: Any) -> dict[str, float]:
    objectives = objective if isinstance(objective, list) else [objective]
    given = {**SMALL, **settings}
    model = zoo.build(
        "vae", image_shape=(1, 8, 8), labels=LABELS, objective=objectives, dtype=torch.float64, seed=0, **given
    )
    x = torch.rand(6, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    step = Step(model.parts, Batch(x, torch.tensor([0, 1, 0, 1, -1, 0])), KeyedNoise(0, 0, dtype=torch.float64))
    (name,) = model.objectives
    return {term.name: float(term.value.detach()) for term in model.objectives[name].terms("fit", step)}


def test_per_code_it_is_the_elbos_without_the_pixels_in_the_unit() -> None:
    assert terms("divergence")["kl"] == pytest.approx(64 * terms("elbo")["kl"], rel=1e-12)


def test_per_dimension_it_is_their_mean_and_the_weight_a_factor() -> None:
    whole = terms("divergence")["kl"]
    assert terms({"name": "divergence", "per": "dimension", "weight": 3.0})["kl"] == pytest.approx(
        3 * whole / 5, rel=1e-12
    )


def test_without_a_closed_form_it_is_estimated_from_the_draw() -> None:
    prior = {"prior": {"name": "zoo-aae:gaussian-mixture"}, "latent_dim": 2}
    assert terms("divergence", **prior)["kl"] == pytest.approx(64 * terms("elbo", **prior)["kl"], rel=1e-12)


def test_the_weight_of_a_heads_term_is_a_factor() -> None:
    head = {"head": {"name": "linear"}}
    one = terms("latent-cross-entropy", **head)["latent_cross_entropy"]
    ten = terms({"name": "latent-cross-entropy", "weight": 10.0}, **head)["latent_cross_entropy"]
    assert ten == pytest.approx(10 * one, rel=1e-12)
