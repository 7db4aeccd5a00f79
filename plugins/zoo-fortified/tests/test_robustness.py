"""The robustness report: it believes a net that earns it, and no net that hides its slopes."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor
from zoo_fortified.metrics.off_manifold_auroc import OffManifoldAUROC
from zoo_fortified.metrics.robustness import Robustness
from zoo_fortified.under_attack import NamedAttack, loss_of, named_attack

import zoo_core as zoo
from zoo_core.errors import SettingError
from zoo_core.game import Game, rules_for
from zoo_core.interfaces import Batch, FeatureExtractor, Labels, Metric, MetricResult, Objective, Part, PartNoise

SHAPE = (1, 4, 4)
LABELS = Labels("classes", ("a", "b"))
PATTERN = torch.tensor([1.0, -1.0] * 8).view(SHAPE)


def batch(seed: int, n: int = 200) -> Batch:
    """Two classes that differ by a checkered pattern."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (n,), generator=generator)
    x = 0.5 + 0.15 * PATTERN * (2 * y - 1).view(-1, 1, 1, 1) + 0.15 * torch.randn(n, *SHAPE, generator=generator)
    return Batch(x.clamp(0, 1), y)


def trained(recipe: str, seed: int = 0, **settings: Any) -> zoo.Model:
    net: dict[str, Any] = {"name": "zoo-fortified:mlp-classifier", "hidden": [16]}
    if recipe.startswith("fortified"):
        net = {"net": net, "fortified": ["hidden1"], "width": 8}
    model = zoo.build(recipe, image_shape=SHAPE, labels=LABELS, classifier=net, seed=seed, **settings)
    objectives = {name: cast(Objective, o) for name, o in model.objectives.items()}
    rules = rules_for(objectives, frozenset(model.parts), {**model.config["training"]})
    parts = {name: cast(Part, part) for name, part in model.parts.items()}
    rounds = iter(range(1000, 2000))
    game = Game(parts, objectives, rules, lambda _: batch(next(rounds), 50), seed=seed)
    model.train()
    for _ in range(150):
        game.play()
    return model.eval()


PGD = {"name": "pgd", "epsilon": 0.1, "steps": 5, "step_size": 0.04}


@pytest.fixture(scope="module")
def robust() -> zoo.Model:
    return trained("fortified-classifier", attack=PGD)


@pytest.fixture(scope="module")
def undefended(tmp_path_factory: pytest.TempPathFactory) -> tuple[zoo.Model, str]:
    model = trained("classifier", seed=1)
    folder = tmp_path_factory.mktemp("undefended") / "model"
    model.save(folder)
    return model, str(folder)


def measured(model: zoo.Model, metric: Metric, seed: int = 0) -> dict[str, MetricResult]:
    generator = torch.Generator().manual_seed(seed)
    with model.evaluating(generator):
        return {found.name: found for found in metric(model, [batch(0), batch(1)], generator)}


class Steep(FeatureExtractor):
    """A classifier whose logits are so large that the softmax has no slope left."""

    def __init__(self, net: FeatureExtractor) -> None:
        super().__init__()
        self.net = net
        self.layers, self.shapes = ("logits",), {"logits": net.shapes["logits"]}

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (1e6 * self.net(x)[-1],)


def test_a_net_trained_on_attacks_passes_every_check(robust: zoo.Model, undefended: tuple[zoo.Model, str]) -> None:
    asked = Robustness(attacks=("fgsm:0.1", "pgd:0.1:10"), black_box=(undefended[1],), examples=300, eot=4)
    found = measured(robust, asked)
    failed = found["masking-failed"]
    assert failed.protocol["failed"] == []
    assert failed.protocol["checks"] == 7
    assert found["robustness-clean"].value > 0.9
    for name in ("fgsm:0.1", "pgd:0.1:10"):
        assert found[f"robustness-{name}"].value <= found["robustness-clean"].value
        assert found[f"robustness-{name}-black-box"].value >= found[f"robustness-{name}"].value - 0.05
        assert f"robustness-{name}-eot" in found


def test_a_net_that_hides_its_slopes_is_found_out(undefended: tuple[zoo.Model, str]) -> None:
    model, folder = undefended
    masked = zoo.load(folder)
    masked.parts["classifier"] = Steep(cast(FeatureExtractor, masked.parts["classifier"]))
    attacks = ("fgsm:0.3",)
    plain = measured(model, Robustness(attacks=attacks, checks=False, examples=300))
    found = measured(masked, Robustness(attacks=attacks, black_box=(folder,), examples=300))
    assert plain["robustness-fgsm:0.3"].value < 0.2
    assert found["robustness-fgsm:0.3"].value > 0.8  # by the white-box attack alone it is robust
    assert found["robustness-fgsm:0.3-black-box"].value < 0.2
    failed = found["masking-failed"].protocol["failed"]
    assert {"masking-black-box-fgsm:0.3", "masking-unbounded", "masking-surface"} <= set(failed)
    assert all(found[name].value < 0 and not found[name].protocol["passed"] for name in failed)


def test_without_a_net_for_the_black_box_it_says_that_this_was_not_checked(robust: zoo.Model) -> None:
    found = measured(robust, Robustness(attacks=("fgsm:0.1",), examples=50, eot=1))
    assert "not_checked" in found["masking-failed"].protocol
    assert not any("black-box" in name for name in found)


def test_a_gain_is_over_the_same_examples(robust: zoo.Model, undefended: tuple[zoo.Model, str]) -> None:
    asked = Robustness(attacks=("fgsm:0.1",), against=undefended[1], examples=300, eot=1, checks=False)
    found = measured(robust, asked)
    alone = measured(undefended[0], Robustness(attacks=("fgsm:0.1",), examples=300, checks=False))
    difference = found["robustness-fgsm:0.1"].value - alone["robustness-fgsm:0.1"].value
    gain = found["robustness-fgsm:0.1-gain"]
    assert gain.value == pytest.approx(difference, abs=1e-9)
    assert gain.protocol["interval"] == pytest.approx(1.96 * cast(float, gain.std))


class Drowned(FeatureExtractor):
    """A classifier with a great deal of noise in its slope."""

    def __init__(self, net: FeatureExtractor) -> None:
        super().__init__()
        self.net, self.noise = net, PartNoise()
        self.layers, self.shapes = ("logits",), {"logits": net.shapes["logits"]}

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        n = self.noise.normal(x)
        # Small in the logits, but its slope drowns that of the rest in any single draw.
        ripple = 0.1 * (300 * n * x).flatten(1).sum(1, keepdim=True).sin()
        return (self.net(x)[-1] + ripple * torch.tensor([1.0, -1.0]),)


def test_averaging_over_the_noise_finds_what_a_single_draw_does_not(undefended: tuple[zoo.Model, str]) -> None:
    masked = zoo.load(undefended[1])
    masked.parts["classifier"] = Drowned(cast(FeatureExtractor, masked.parts["classifier"]))
    found = measured(masked, Robustness(attacks=("fgsm:0.3",), eot=1000, examples=100, checks=False))
    assert found["robustness-fgsm:0.3-eot"].value <= found["robustness-fgsm:0.3"].value - 0.1


def test_the_averaged_slope_is_exact_in_expectation() -> None:
    """Of logits that are linear in the noise the mean loss over draws is a mean of losses, and so is its slope."""
    x, y = torch.rand(3, 2, dtype=torch.float64, requires_grad=True), torch.tensor([0, 1, 0])
    noise = torch.randn(12, 2, dtype=torch.float64)
    (averaged,) = torch.autograd.grad(loss_of(lambda z: z * noise, y, 4)(x).sum(), x)
    single = [
        torch.autograd.grad(loss_of(lambda z, k=k: z * noise[k::4], y)(x).sum(), x)[0]  # type: ignore[misc]
        for k in range(4)
    ]
    assert torch.allclose(averaged, torch.stack(single).mean(0), rtol=0, atol=1e-12)


def test_off_manifold_figures(robust: zoo.Model) -> None:
    found = measured(robust, OffManifoldAUROC(attack="pgd:0.1:5", noise=0.5, examples=200))
    assert set(found) == {f"off-manifold-{kind}/hidden1" for kind in ("attack", "adaptive", "noise", "ratio")}
    assert all(0 <= found[f"off-manifold-{kind}/hidden1"].value <= 1 for kind in ("attack", "adaptive", "noise"))
    assert found["off-manifold-adaptive/hidden1"].value <= found["off-manifold-attack/hidden1"].value


@pytest.mark.parametrize(
    "text", ["", "fgsm", "cw:0.1", "fgsm:x", "fgsm:0.1:4", "pgd:0", "pgd:2", "pgd:0.1:0", "pgd:0.1:2:3"]
)
def test_what_is_no_attack_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="is no attack"):
        named_attack(text, "robustness.attacks")


def test_attacks_are_typed_as_name_radius_and_steps() -> None:
    assert named_attack("pgd:0.1:100", "x") == NamedAttack("pgd", 0.1, 100)
    assert named_attack("fgsm:0.3", "x") == NamedAttack("fgsm", 0.3, 1)
