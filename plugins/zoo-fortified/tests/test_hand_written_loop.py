"""The four terms of a fortified classifier against equations written out (Lamb 2018, section 2.5), in float64."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, leaky_relu

import zoo_core as zoo
from zoo_core.game import Game, Step, rules_for
from zoo_core.interfaces import Batch, Labels, Objective, Part
from zoo_core.noise import KeyedNoise

SHAPE, EXAMPLES, SEED, ROUNDS = (1, 4, 4), 8, 3, 5
LABELS = Labels("classes", ("a", "b", "c"))
EPSILON, STD = 0.1, 0.2
PLACE = "classifier.denoisers.{}.noise"


def build(**settings: Any) -> zoo.Model:
    return zoo.build(
        "fortified-classifier",
        image_shape=SHAPE,
        labels=LABELS,
        dtype=torch.float64,
        classifier={
            "net": {"name": "zoo-fortified:mlp-classifier", "hidden": [7, 5]},
            "fortified": ["hidden1", "hidden2"],
            "width": 4,
            "noise": STD,
        },
        attack={"epsilon": EPSILON},
        **settings,
    )


def batch(round: int) -> Batch:
    generator = torch.Generator().manual_seed(round)
    x = torch.rand(EXAMPLES, *SHAPE, dtype=torch.float64, generator=generator)
    return Batch(x, torch.randint(3, (EXAMPLES,), generator=generator))


class Hand:
    """The net of the model, as matrices."""

    def __init__(self, model: zoo.Model) -> None:
        state = model.parts["classifier"].state_dict()
        self.weights = {name: value.clone().requires_grad_() for name, value in state.items()}

    def look(
        self, x: Tensor, noise: KeyedNoise, name: str, call: int = 1
    ) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """Each fortified layer's h and D(E(h + n)), and the logits; n is the ``call``-th draw of what is called ``name``."""
        w, h, layers = self.weights, x.flatten(1), []
        for k, linear in enumerate(("net.hidden1.1", "net.hidden2.0")):
            h = leaky_relu(h @ w[f"{linear}.weight"].T + w[f"{linear}.bias"], 0.01)
            n = STD * noise.normal(f"{name}:{PLACE.format(k)}:{call}", h.shape)
            W, b, c = (w[f"denoisers.{k}.{key}"] for key in ("weight", "code_bias", "bias"))
            denoised = leaky_relu((h + n) @ W.T + b, 0.2) @ W + c
            layers.append((h, denoised))
            h = denoised
        return layers, h @ w["net.logits.weight"].T + w["net.logits.bias"]

    def terms(self, data: Batch, noise: KeyedNoise, *, smoothing: float, sums: bool, target: bool) -> dict[str, Tensor]:
        at = data.x.clone().requires_grad_()
        y = cast(Tensor, data.y)
        (slope,) = torch.autograd.grad(cross_entropy(self.look(at, noise, "attacked")[1], y, reduction="sum"), at)
        moved = (data.x + EPSILON * slope.sign()).clamp(0, 1)
        clean, logits = self.look(data.x, noise, "classifier(x)")
        attacked, fooled = self.look(moved, noise, "classifier(attacked)")

        def distance(denoised: Tensor, h: Tensor) -> Tensor:
            squares = (denoised - (h if target else h.detach())) ** 2
            return squares.sum(1).mean() if sums else squares.mean()

        return {
            "cross_entropy": cross_entropy(logits, y, label_smoothing=smoothing),
            "adversarial_cross_entropy": cross_entropy(fooled, y, label_smoothing=smoothing),
            "reconstruction": sum((distance(d, h) for h, d in clean), torch.zeros(())),
            "adversarial_reconstruction": sum(
                (distance(d, h) for (h, _), (_, d) in zip(clean, attacked)), torch.zeros(())
            ),
        }


@pytest.mark.parametrize("sums", [True, False])
@pytest.mark.parametrize("target", [True, False])
def test_four_terms_and_their_gradients(sums: bool, target: bool) -> None:
    reduction = "sum" if sums else "mean"
    model = build(**{"objective.fortification": {"reduction": reduction, "target_gradient": target}})
    hand, data, noise = Hand(model), batch(0), KeyedNoise(SEED, 0, dtype=torch.float64)
    model.train()
    step = Step({**model.parts, **model.objectives}, data, noise)
    found = {
        term.name: term.value
        for objective in model.objectives.values()
        for term in cast(Objective, objective).terms("fit", step)
    }
    wanted = hand.terms(data, noise, smoothing=0.1, sums=sums, target=target)
    assert found.keys() == wanted.keys()
    own = dict(model.parts["classifier"].named_parameters())
    for name, value in wanted.items():
        assert torch.allclose(found[name], value, rtol=1e-12, atol=1e-12)
        theirs = torch.autograd.grad(value, [hand.weights[key] for key in own], retain_graph=True, allow_unused=True)
        ours = torch.autograd.grad(found[name], list(own.values()), retain_graph=True, allow_unused=True)
        for one, other in zip(ours, theirs):
            assert (one is None) == (other is None)
            assert one is None or torch.allclose(one, other, rtol=1e-12, atol=1e-12)


def test_five_rounds_of_training() -> None:
    model = build(**{"objective.fortification.lambda_adv": 0.5, "objective.adversarial-cross-entropy.weight": 0.7})
    hand = Hand(model)
    objectives = {name: cast(Objective, o) for name, o in model.objectives.items()}
    rules = rules_for(objectives, frozenset(model.parts), model.config["training"])
    rounds = iter(range(ROUNDS))
    parts = {name: cast(Part, part) for name, part in model.parts.items()}
    game = Game(parts, objectives, rules, lambda _: batch(next(rounds)), seed=SEED)
    model.train()
    own = dict(model.parts["classifier"].named_parameters())
    optimizer = torch.optim.Adam([hand.weights[name] for name in own], 1e-3)
    for round in range(ROUNDS):
        game.play()
        terms = hand.terms(
            batch(round), KeyedNoise(SEED, round, dtype=torch.float64), smoothing=0.1, sums=False, target=True
        )
        weights = {"adversarial_reconstruction": 0.5, "adversarial_cross_entropy": 0.7}
        optimizer.zero_grad()
        cast(Tensor, sum(weights.get(name, 1.0) * value for name, value in terms.items())).backward()
        optimizer.step()
    for name, value in own.items():
        assert torch.allclose(value, hand.weights[name], rtol=1e-12, atol=1e-12)


def test_without_adversarial_reconstruction_and_cross_entropy_nothing_is_attacked() -> None:
    model = build(objective=["cross-entropy", "fortification"], **{"objective.fortification.lambda_adv": 0.0})
    step = Step({**model.parts, **model.objectives}, batch(0), KeyedNoise(SEED, 0, dtype=torch.float64))
    terms = [t.name for o in model.objectives.values() for t in cast(Objective, o).terms("fit", step)]
    assert terms == ["cross_entropy", "reconstruction"]
    with pytest.raises(LookupError):
        step.image("attacked")


def test_both_objectives_see_the_same_attacked_images() -> None:
    model = build()
    step = Step({**model.parts, **model.objectives}, batch(0), KeyedNoise(SEED, 0, dtype=torch.float64))
    seen = []
    for name in ("adversarial-cross-entropy", "fortification"):
        list(cast(Objective, model.objectives[name]).terms("fit", step))
        seen.append(step.image("attacked"))
    assert seen[0] is seen[1]
    assert float((seen[0] - step.x).abs().max()) <= EPSILON + 1e-12
