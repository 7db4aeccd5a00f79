"""What stands beside a joint game: regularisers, feature matching, and the other choices of its parts."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch

import zoo_core as zoo
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import Batch, FeatureExtractor, Objective, Part
from zoo_core.noise import KeyedNoise

NETS: dict[str, Any] = {
    "encoder": {"name": "mlp", "hidden": [9]},
    "decoder": {"name": "mlp", "hidden": [9], "sigma": "fixed"},
    "discriminator": {"hidden": [7], "code_hidden": [5], "net": {"name": "mlp", "hidden": [7], "layers": ["hidden1"]}},
    "latent_dim": 4,
}
CLASSIFIER: dict[str, Any] = {"name": "digit-classifier", "layers": ["conv1"]}
DENOISER: dict[str, Any] = {"name": "conv-denoiser", "depth": 1}


@pytest.mark.parametrize("recipe", ["ali", "gibbsnet"])
@pytest.mark.parametrize(
    ("beside", "settings"),
    [
        ("r1", {}),
        ("discreg", {"classifier": CLASSIFIER}),
        ("dfm", {"classifier": CLASSIFIER, "objective.dfm.extractor": "classifier", "objective.dfm.layer": "conv1",
                 "objective.dfm.denoiser": DENOISER}),
        ("reconstruction", {}),
        ("latent-cross-entropy", {"head": {"name": "linear"}}),
    ],
)  # fmt: skip
def test_a_joint_game_trains_with_others_beside_it(recipe: str, beside: str, settings: dict[str, Any]) -> None:
    model = zoo.build(recipe, data="digits", objective=["gibbsnet", beside], **NETS, **settings)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    zoo.train(model, "digits", epochs=1, progress=False)
    moved = {name.split(".")[1] for name, t in model.state_dict().items() if not torch.equal(t, before[name])}
    assert {"encoder", "decoder", "discriminator"} <= moved
    assert torch.isfinite(model.sample(4, "gibbs-chain", seed=0)).all()


def test_r1_is_half_gamma_times_the_squared_slope_in_image_and_code() -> None:
    model = zoo.build(
        "gibbsnet",
        data="digits",
        objective=["gibbsnet", "r1"],
        dtype=torch.float64,
        **{**NETS, "objective.r1.weight": 3.0},
    )
    named = {**dict(model.train().parts.items()), **dict(model.objectives.items())}
    x = torch.rand(6, *model.image_shape, dtype=torch.float64)
    step = Step({n: cast(Part, m) for n, m in named.items()}, Batch(x), KeyedNoise(0, 0, dtype=torch.float64))
    (term,) = cast(Objective, model.objectives["r1"]).terms("discriminate", step)
    x, z = x.requires_grad_(), step.z().detach().requires_grad_()
    score = cast(FeatureExtractor, model.parts["discriminator"]).features(x, z)["score"].sum()
    slopes = torch.autograd.grad(score, (x, z))
    by_hand = 0.5 * 3.0 * sum(slope.square().flatten(1).sum(1).mean() for slope in slopes)
    assert torch.allclose(term.value, by_hand, rtol=1e-12)
    assert term.grad_parts == {"discriminator"}


def test_codes_need_an_encoder() -> None:
    with pytest.raises(IncompatibleError, match="needs an encoder"):
        zoo.build(
            "gan",
            data="digits",
            objective="r1",
            discriminator="joint",
            decoder={"name": "mlp", "hidden": [8]},
            latent_dim=4,
        )


def test_what_judges_generated_images_alone_refuses_a_joint_discriminator() -> None:
    for objective in ("dfm", "feature-matching"):
        with pytest.raises(IncompatibleError, match="with codes"):
            zoo.build("gibbsnet", data="digits", objective=["gibbsnet", objective], **NETS)
