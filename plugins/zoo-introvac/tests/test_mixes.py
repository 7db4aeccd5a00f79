"""Introspection in other models' games."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import zoo_core as zoo
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Labels

LABELS = Labels("classes", tuple("0123456789"))
SHAPE = (1, 16, 16)
NETS: dict[str, Any] = {
    "encoder": {"name": "mlp", "hidden": [8]},
    "decoder": {"name": "mlp", "hidden": [8]},
    "head": {"name": "linear", "fake": True},
    "latent_dim": 6,
}
SEE: dict[str, Any] = {"name": "small-cnn", "width": 2, "hidden": 8}
MIXES: list[tuple[str, list[str], dict[str, Any]]] = [
    ("vae", ["elbo", "introspection"], {}),
    ("vae", ["elbo", "latent-cross-entropy", "introspection"], {}),
    ("discreg-vae", ["elbo", "discreg", "introspection"], {"classifier": {**SEE, "layers": ["conv3"]}}),
    ("aae", ["reconstruction", "adversarial-prior", "introspection"], {}),
    ("vae", ["elbo", "gan", "introspection"], {"discriminator": {"name": "mlp", "hidden": [8]}}),
    ("introvac", ["reconstruction", "divergence", "latent-cross-entropy", "introspection"], {}),
]


def build(recipe: str, objectives: list[str], **settings: Any) -> zoo.Model:
    head = {"head.latent_dim": 6} if recipe != "introvac" else {}
    return zoo.build(recipe, image_shape=SHAPE, labels=LABELS, objective=objectives, **{**NETS, **head, **settings})


@pytest.mark.parametrize(
    ("recipe", "objectives", "settings"), MIXES, ids=lambda it: "+".join(it) if isinstance(it, list) else ""
)
def test_it_trains_beside_others(recipe: str, objectives: list[str], settings: dict[str, Any], tmp_path: Path) -> None:
    model = build(recipe, objectives, **settings)
    before = {name: value.clone() for name, value in model.named_parameters()}
    rng = torch.Generator().manual_seed(0)
    x, y = torch.rand(40, *SHAPE, generator=rng), torch.randint(10, (40,), generator=rng)
    zoo.train(model, data=(x, y), epochs=1, out=tmp_path / "run", progress=False, batch_size=20, seed=1)
    moved = {name.split(".")[1] for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert {"encoder", "decoder", "head"} <= moved
    assert all(value.isfinite().all() for value in model.parameters())


def test_a_head_without_a_logit_for_fakes_is_refused() -> None:
    with pytest.raises(IncompatibleError, match=r"head\.fake"):
        build("vae", ["elbo", "introspection"], head={"name": "linear"})


@pytest.mark.parametrize(
    ("recipe", "given", "missing"), [("vae", ["encoder"], "head"), ("classifier", ["encoder", "head"], "decoder")]
)
def test_what_is_missing_is_named(recipe: str, given: list[str], missing: str) -> None:
    settings = {name: NETS[name] for name in given}
    with pytest.raises(zoo.ZooError, match=f'needs part "{missing}"'):
        zoo.build(recipe, image_shape=SHAPE, labels=LABELS, objective=["introspection"], **settings)
