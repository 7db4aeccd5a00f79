"""A discriminator of images with their codes: set, refused, held against the kit, and trained."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import zoo_core as zoo
from zoo_core.building import build_part
from zoo_core.errors import SeamError
from zoo_core.registry import registry
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
    with pytest.raises(SeamError, match=r"codes of width 3.*of width 5"):
        ali(**{"discriminator.latent_dim": 5})


def test_each_is_refused_where_the_other_is_asked_for_with_those_that_would_do() -> None:
    with pytest.raises(SeamError, match=r"gives a feature extractor images .x. with codes .z., and .*takes images alone") as refused:
        ali(discriminator="mlp")
    assert refused.value.hint == "set discriminator=toy-joint"
    with pytest.raises(SeamError, match=r"images alone .x., and .*takes images .x. with codes") as refused:
        zoo.build("gan", data="digits", discriminator="toy-joint")
    assert "toy-joint" not in str(refused.value.hint) and "score-head" in str(refused.value.hint)


def test_where_none_is_given_only_joint_ones_are_offered() -> None:
    with pytest.raises(SeamError, match=r"discriminator") as refused:
        zoo.build("vae", data="digits", objective="toy-ali", **SMALL)
    assert refused.value.hint == 'try discriminator="toy-joint"'


def test_an_extractor_inside_another_sees_images_alone() -> None:
    with pytest.raises(SeamError, match=r"takes images .x. with codes"):
        build_part("feature-extractor", {"name": "score-head", "net": "toy-joint"}, image_shape=(1, 8, 8))


def test_an_extractor_says_how_many_inputs_it_takes() -> None:
    net: Any = build_part("feature-extractor", "toy-joint", image_shape=(1, 8, 8))
    with pytest.raises(TypeError, match=r"Joint takes x, z, and not 1 inputs"):
        net.features(torch.rand(2, 1, 8, 8))


@pytest.mark.parametrize("metric", [{"name": "feature-error", "extractor": "toy-joint"}, {"name": "fid", "features": "toy-joint"}])
def test_a_metric_that_looks_at_images_refuses_it(metric: dict[str, Any]) -> None:
    model = zoo.build("vae", data="digits", **SMALL)
    with pytest.raises(SeamError, match=r"takes images .x. with codes"):
        zoo.evaluate(model, "digits", metrics=[metric])
