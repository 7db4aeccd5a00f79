"""A discriminator of images with their codes: set, refused, held against the kit, and trained."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from zoo_basics.objectives.gradient_penalties import R1

import zoo_core as zoo
from zoo_core.building.builder import build_part
from zoo_core.errors import IncompatibleError
from zoo_core.game.step import Step
from zoo_core.interfaces import Batch
from zoo_core.noise import KeyedNoise
from zoo_core.registry.components import registry
from zoo_core.testing.running import component_checks, run_check

pytestmark = pytest.mark.usefixtures("toys")
SMALL: dict[str, Any] = {"encoder": {"name": "mlp", "hidden": [8]}, "decoder": {"name": "mlp", "hidden": [8]}}


def ali(**settings: Any) -> zoo.Model:
    given = {"objective": "toy-ali", "discriminator": "toy-joint", "latent_dim": 3, **SMALL, **settings}
    return zoo.build("vae", data="digits", **given)


@pytest.mark.parametrize(("kind", "name"), [("feature-extractor", "toy-joint"), ("objective", "toy-ali")])
def test_the_toys_of_a_joint_game_pass_the_kit(kind: str, name: str) -> None:
    found = [run_check(bound, None) for bound in component_checks(registry().resolve(kind, name).entry)]
    assert [f"{r.check}: {r.reason}" for r in found if r.status != "passed"] == []
    assert len(found) >= 15


def test_the_forward_of_a_network_that_names_its_inputs_is_tried() -> None:
    found = [run_check(bound, None) for bound in component_checks(registry().resolve("network", "toy-critic").entry)]
    assert [f"{r.check}: {r.reason}" for r in found if r.status != "passed"] == []
    assert {"same_row_alone", "every_parameter_learns", "float64"} <= {r.check for r in found}


def test_a_joint_game_trains_all_three_nets() -> None:
    model = ali()
    assert model.parts["discriminator"].latent_dim == 3, "the shared width of the codes reaches it"
    before = {name: t.clone() for name, t in model.state_dict().items()}
    zoo.train(model, "digits", epochs=1, progress=False)
    moved = {name.split(".")[1] for name, t in model.state_dict().items() if not torch.equal(t, before[name])}
    assert {"encoder", "decoder", "discriminator"} <= moved


def test_a_joint_discriminator_with_other_codes_is_refused() -> None:
    with pytest.raises(IncompatibleError, match=r"codes of width 3.*of width 5"):
        ali(**{"discriminator.latent_dim": 5})


def test_each_is_refused_where_the_other_is_asked_for_with_those_that_would_do() -> None:
    with pytest.raises(
        IncompatibleError, match=r"gives a feature extractor images .x. with codes .z., and .*takes images alone"
    ) as refused:
        ali(discriminator="mlp")
    assert refused.value.hint == "set discriminator=joint or toy-joint"
    with pytest.raises(IncompatibleError, match=r"images alone .x., and .*takes images .x. with codes") as refused:
        zoo.build("gan", data="digits", discriminator="toy-joint")
    assert "toy-joint" not in str(refused.value.hint) and "score-head" in str(refused.value.hint)


def test_where_none_is_given_only_joint_ones_are_offered() -> None:
    with pytest.raises(IncompatibleError, match=r"discriminator") as refused:
        zoo.build("vae", data="digits", objective="toy-ali", **SMALL)
    assert refused.value.hint == 'try discriminator="joint", or one of: toy-joint'


def test_an_extractor_inside_another_sees_images_alone() -> None:
    with pytest.raises(IncompatibleError, match=r"takes images .x. with codes"):
        build_part("feature-extractor", {"name": "score-head", "net": "toy-joint"}, image_shape=(1, 8, 8))


def test_an_extractor_says_how_many_inputs_it_takes() -> None:
    net: Any = build_part("feature-extractor", "toy-joint", image_shape=(1, 8, 8))
    with pytest.raises(TypeError, match=r"Joint takes x, z, and not 1 inputs"):
        net.features(torch.rand(2, 1, 8, 8))


@pytest.mark.parametrize(
    "metric", [{"name": "feature-error", "extractor": "toy-joint"}, {"name": "fid", "features": "toy-joint"}]
)
def test_a_metric_that_looks_at_images_refuses_it(metric: dict[str, Any]) -> None:
    model = zoo.build("vae", data="digits", **SMALL)
    with pytest.raises(IncompatibleError, match=r"takes images .x. with codes"):
        zoo.evaluate(model, "digits", metrics=[metric])


def penalised(name: str, weight: float = 3.0) -> tuple[Any, Step, Any]:
    """A joint game in float64 with the penalty ``name``; its step, and the discriminator."""
    objective = ["toy-ali", {"name": name, "weight": weight}]
    model = zoo.build("vae", image_shape=(1, 4, 4), dtype=torch.float64, objective=objective,
                      discriminator="toy-joint", latent_dim=3, **SMALL)  # fmt: skip
    x = torch.rand(5, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    parts = {**dict(model.parts.items()), **dict(model.objectives.items())}
    return (
        model.objectives[name],
        Step(parts, Batch(x), KeyedNoise(0, 0, dtype=torch.float64)),
        model.parts["discriminator"],
    )


@pytest.mark.parametrize("name", ["r1", "roth"])
def test_a_penalty_beside_a_joint_game_is_that_of_the_slope_in_images_and_codes_together(name: str) -> None:
    objective, step, joint = penalised(name)
    (term,) = objective.terms("discriminate", step)
    wanted = torch.zeros((), dtype=torch.float64)
    for pair, sign in (((step.x, step.z()), -1), ((step.generated(), step.prior_draw()), 1))[
        : 2 if name == "roth" else 1
    ]:
        x, z = (one.detach().clone().requires_grad_() for one in pair)
        score = joint.features(x, z)["score"][:, 0]
        in_x, in_z = torch.autograd.grad(score.sum(), (x, z), create_graph=True)
        square = in_x.square().sum((1, 2, 3)) + in_z.square().sum(1)
        wanted = wanted + (square * ((sign * score).sigmoid().square() if name == "roth" else 1)).mean()
    assert term.grad_parts == {"discriminator"}
    assert torch.allclose(term.value, 0.5 * 3 * wanted, rtol=0, atol=1e-12)
    weights = list(joint.parameters())
    slopes = [
        torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
        for value in (term.value, 1.5 * wanted)
    ]
    for found, by_hand in zip(*slopes, strict=True):
        assert (found is None) == (by_hand is None)
        assert found is None or torch.allclose(found, by_hand, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["r1", "roth"])
def test_its_gradient_in_the_discriminator_s_weights_is_that_of_finite_differences(name: str) -> None:
    objective, step, joint = penalised(name)
    weight = joint.hidden[0].weight
    (term,) = objective.terms("discriminate", step)
    (gradient,) = torch.autograd.grad(term.value, weight)
    # The first places see the image, the last the code.
    for place in ((0, 0), (3, 2), (7, weight.shape[1] - 1)):
        values = []
        for nudge in (1e-5, -1e-5):
            with torch.no_grad():
                weight[place] += nudge
            values.append(next(iter(objective.terms("discriminate", step))).value.item())
            with torch.no_grad():
                weight[place] -= nudge
        assert abs((values[0] - values[1]) / 2e-5 - gradient[place].item()) < 1e-7


@pytest.mark.parametrize("name", ["r1", "roth"])
def test_a_joint_game_trains_with_a_penalty(name: str) -> None:
    zoo.train(ali(objective=["toy-ali", name]), "digits", epochs=1, progress=False)


def test_a_penalty_on_pairs_without_an_encoder_is_refused() -> None:
    parts = {"discriminator": build_part("feature-extractor", "toy-joint", image_shape=(1, 4, 4))}
    with pytest.raises(IncompatibleError, match="needs an encoder"):
        R1(parts=parts)
