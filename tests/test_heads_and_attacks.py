"""Heads and attacks in models: widths, training, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import Batch
from zoo_core.noise import KeyedNoise
from zoo_core.registry.components import registry
from zoo_core.testing.running import component_checks, run_check

SMALL: dict[str, Any] = {"data": "digits", "encoder": "mlp", "decoder": "mlp", "latent_dim": 6}
WITH_HEAD: dict[str, Any] = {**SMALL, "objective": ["elbo", "latent-cross-entropy"], "head": "linear"}


def test_latent_dim_reaches_a_head() -> None:
    model = zoo.build("vae", **WITH_HEAD)
    assert model.config["parts"]["head"]["params"]["latent_dim"] == 6
    assert zoo.build("vae", **{**WITH_HEAD, "latent_dim": 9}).parts["head"].latent_dim == 9


def test_a_head_of_another_width_is_refused() -> None:
    with pytest.raises(IncompatibleError, match=r'part "encoder" .* width 6, part "head" .* of width 7'):
        zoo.build("vae", **WITH_HEAD, **{"head.latent_dim": 7})


def test_a_missing_head_is_said_with_one_to_take(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    line = [
        "train",
        "vae",
        "--data",
        "digits",
        "--out",
        str(tmp_path / "run"),
        "--set",
        'objective=["elbo", "latent-cross-entropy"]',
    ]
    assert main(line) != 0
    said = capsys.readouterr().err
    assert 'needs part "head" (of kind head)' in said and 'head="linear"' in said and "Traceback" not in said


def test_a_head_that_is_no_head_is_refused() -> None:
    with pytest.raises(zoo.ZooError, match="there is no head"):
        zoo.build("vae", **{**WITH_HEAD, "head": "mlp"})


def test_training_moves_the_head_and_it_comes_back_from_a_file(tmp_path: Path) -> None:
    model = zoo.build("vae", **WITH_HEAD)
    before = model.parts["head"].directions().clone()
    terms = next(iter(zoo.rounds(model, data="digits"))).terms
    assert any("latent_cross_entropy" in name for name in terms)
    assert not torch.equal(model.parts["head"].directions(), before)
    model.save(tmp_path / "model")
    again = zoo.load(tmp_path / "model")
    assert torch.equal(again.parts["head"].directions(), model.parts["head"].directions())


def test_step_logits_are_the_heads_at_the_named_codes() -> None:
    model = zoo.build("vae", **WITH_HEAD)
    head: Any = model.parts["head"]
    step = Step(model.parts, Batch(torch.rand(4, 1, 32, 32), torch.arange(4)), KeyedNoise(0, 0))
    for of in ("z", "mean", "prior_draw"):
        assert torch.equal(step.logits("head", of), head(step.code(of)))
    with pytest.raises(LookupError, match="no codes called"):
        step.logits("head", "nothing")


@pytest.mark.parametrize(
    ("kind", "name"), [("head", "toy-head"), ("attack", "toy-attack"), ("objective", "toy-hardened")]
)
def test_toys_keep_every_contract(toys: Path, fresh_registry: Callable[[], None], kind: str, name: str) -> None:
    fresh_registry()
    results = [run_check(one, None) for one in component_checks(registry().resolve(kind, name).entry)]
    assert [f"{r.check}: {r.reason}" for r in results if r.status != "passed"] == []


def test_a_model_with_head_and_attack_trains_and_is_saved(
    toys: Path, fresh_registry: Callable[[], None], tmp_path: Path
) -> None:
    fresh_registry()
    asked = {
        **SMALL,
        "objective": ["elbo", "toy-hardened"],
        "head": "toy-head",
        "attack": {"name": "toy-attack", "tries": 2},
    }
    model = zoo.build("vae", **asked)
    assert model.config["parts"]["attack"]["kind"] == "attack"
    before = [p.clone() for p in model.parts["head"].parameters()]
    played = next(iter(zoo.rounds(model, data="digits")))
    assert all(bool(term.isfinite()) for term in played.terms.values())
    assert not any(torch.equal(a, b) for a, b in zip(before, model.parts["head"].parameters()))
    model.save(tmp_path / "model")
    assert zoo.load(tmp_path / "model").parts["attack"].tries == 2


def test_latent_cross_entropy_is_the_hand_written_loss_and_gradient() -> None:
    model = zoo.build("vae", **WITH_HEAD).double()
    parts: Any = model.parts
    for part in (*parts.values(), *model.objectives.values()):
        part.train().requires_grad_(True)
    x, y = torch.rand(8, 1, 32, 32, dtype=torch.float64), torch.tensor([0, 1, 2, 3, -1, 5, -1, 7])
    step = Step(parts, Batch(x, y), KeyedNoise(0, 0, dtype=torch.float64))
    (term,) = model.objectives["latent-cross-entropy"].terms("fit", step)
    weights = [*parts["encoder"].parameters(), *parts["head"].parameters()]
    z: Tensor = parts["encoder"].posterior(x).rsample(KeyedNoise(0, 0, dtype=torch.float64), "z")
    known = y >= 0
    expected = cross_entropy(parts["head"].linear(z)[known], y[known])
    found = torch.autograd.grad(term.value, weights)
    for a, b in zip(found, torch.autograd.grad(expected, weights), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-12)
    assert torch.allclose(term.value, expected, rtol=0, atol=1e-12)
