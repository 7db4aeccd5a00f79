"""Denoising feature matching against the paper's equations and a loop written by hand."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

import zoo_core as zoo
from zoo_core.errors import IncompatibleError
from zoo_core.game import Game, Step, rules_for
from zoo_core.interfaces import Batch, Decoder, FeatureExtractor, Labels, Objective, Part
from zoo_core.noise import KeyedNoise

SHAPE, EXAMPLES, SEED, FEATURES = (1, 8, 8), 8, 3, 5
DENOISER = {"name": "mlp-denoiser", "depth": 2, "width": 7}
NETS: dict[str, Any] = {"decoder": {"name": "mlp", "hidden": [9], "sigma": "fixed", "batch_norm": True}, "latent_dim": 4,
                        "discriminator": {"name": "mlp", "hidden": [7], "features": FEATURES, "normalisation": "batch"},
                        "objective.dfm.denoiser": DENOISER}  # fmt: skip


def build(**settings: Any) -> zoo.Model:
    return zoo.build("dfm-gan", image_shape=SHAPE, labels=Labels(), dtype=torch.float64, **{**NETS, **settings})


def images(start: int) -> Tensor:
    return torch.rand(EXAMPLES, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(start))


def noise(step: int) -> KeyedNoise:
    return KeyedNoise(SEED, step, dtype=torch.float64)


def prior(step: int) -> Tensor:
    return 2 * noise(step).uniform("prior", (EXAMPLES, 4)) - 1


def play(model: zoo.Model, rounds: int) -> None:
    objectives = {name: cast(Objective, o) for name, o in model.objectives.items()}
    rules = rules_for(objectives, frozenset(model.parts) - model.frozen, model.config["training"])
    starts = iter(range(1000))
    parts = {name: cast(Part, part) for name, part in model.parts.items()}
    game = Game(parts, objectives, rules, lambda _: Batch(images(next(starts))), seed=SEED)
    model.train()
    for _ in range(rounds):
        game.play()


def step_of(model: zoo.Model, progress: float = 0.0) -> Step:
    named = {**dict(model.train().parts.items()), **dict(model.objectives.items())}
    return Step({n: cast(Part, m) for n, m in named.items()}, Batch(images(0)), noise(0), progress=progress)


def term(model: zoo.Model, loss: str, progress: float = 0.0) -> Tensor:
    objective = cast(Objective, model.objectives["dfm"])
    (only,) = objective.terms(loss, step_of(model, progress))
    return only.value


class Hand:
    """The model's nets, and the paper's losses (Eq. 1, 2, 4 and 5) written out."""

    def __init__(self, model: zoo.Model) -> None:
        self.own = copy.deepcopy(model).train()
        self.generator = cast(Decoder, self.own.parts["decoder"])
        self.critic = cast(FeatureExtractor, self.own.parts["discriminator"])
        self.denoiser = self.own.objectives["dfm"].denoiser
        nets = (self.critic, self.denoiser, self.generator)
        self.players = [torch.optim.Adam(net.parameters(), 1e-4, betas=(0.5, 0.999)) for net in nets]

    def losses(self, round: int) -> tuple[Tensor, Tensor, Tensor]:
        fake = self.generator.likelihood(prior(round)).mean
        made, real = self.critic.features(fake), self.critic.features(images(round))
        discriminate = softplus(-real["score"]).mean() + softplus(made["score"]).mean()
        clean = real["features"].detach()
        corrupted = clean + noise(round).normal("corruption", clean.shape)
        denoise = (self.denoiser(corrupted) - clean).square().sum(1).mean() / FEATURES
        target = self.denoiser(made["features"]).detach()
        pull = (made["features"] - target).square().sum(1).mean()
        return discriminate, denoise, -made["score"].sigmoid().log().mean() + 0.03 / FEATURES * pull

    def round(self, round: int) -> None:
        """All gradients at the same weights, then all three nets step at once (section 5)."""
        nets = (self.critic, self.denoiser, self.generator)
        gradients = [
            torch.autograd.grad(loss, list(net.parameters()), retain_graph=True)
            for loss, net in zip(self.losses(round), nets, strict=True)
        ]
        for player, net, own in zip(self.players, nets, gradients, strict=True):
            for parameter, gradient in zip(net.parameters(), own, strict=True):
                parameter.grad = gradient
            player.step()


@pytest.mark.parametrize("rounds", [1, 5])
def test_all_three_nets_step_at_once_as_a_loop_written_by_hand(rounds: int) -> None:
    model = build()
    hand = Hand(model)
    play(model, rounds)
    for round in range(rounds):
        hand.round(round)
    for name, value in hand.own.state_dict().items():
        # Running statistics too: each source moved them once a round.
        assert torch.allclose(value.double(), model.state_dict()[name].double(), rtol=0, atol=1e-9), name


def test_features_of_images_and_of_generated_ones_are_computed_once_a_round() -> None:
    model = build()
    seen: dict[str, int] = {"discriminator": 0, "decoder": 0, "denoiser": 0}

    def count(name: str) -> Any:
        return lambda *_: seen.__setitem__(name, seen[name] + 1)

    model.parts["discriminator"].register_forward_hook(count("discriminator"))
    model.parts["decoder"].register_forward_hook(count("decoder"))
    model.objectives["dfm"].denoiser.register_forward_hook(count("denoiser"))
    play(model, 3)
    assert seen == {
        "discriminator": 6,
        "decoder": 3,
        "denoiser": 6,
    }  # data and generated images; corrupted and generated features


def test_the_target_gives_the_generator_no_gradient_through_the_denoiser() -> None:
    model = build()
    weights = list(model.parts["decoder"].parameters())
    ours = torch.autograd.grad(term(model, "fool"), weights)
    step = step_of(model)
    made = step.features("discriminator", of="generated")["features"]
    denoised = cast(Any, model.objectives["dfm"]).denoiser(made)
    constant = torch.autograd.grad(
        0.03 / FEATURES * (made - denoised.detach()).square().sum(1).mean(), weights, retain_graph=True
    )
    through = torch.autograd.grad(0.03 / FEATURES * (made - denoised).square().sum(1).mean(), weights)
    assert all(torch.allclose(a, b) for a, b in zip(ours, constant, strict=True))
    assert not all(torch.allclose(a, b) for a, b in zip(ours, through, strict=True))


def test_the_denoiser_s_loss_leaves_the_discriminator_alone() -> None:
    model = build()
    value = term(model, "denoise")
    moved = torch.autograd.grad(value, list(model.parts["discriminator"].parameters()), allow_unused=True)
    assert all(gradient is None for gradient in moved)


@pytest.mark.parametrize(("progress", "std"), [(0.0, 1.5), (0.5, 1.0), (1.0, 0.5)])
@pytest.mark.parametrize("target", ["clean", "corrupted"])
def test_the_corruption_is_annealed_and_the_target_is_clean_or_corrupted(
    progress: float, std: float, target: str
) -> None:
    model = build(**{"objective.dfm.noise": 1.5, "objective.dfm.final_noise": 0.5, "objective.dfm.target": target})
    clean = step_of(model).features("discriminator")["features"].detach()
    corrupted = clean + std * noise(0).normal("corruption", clean.shape)
    denoised = cast(Any, model.objectives["dfm"]).denoiser(corrupted)
    wanted = (denoised - (clean if target == "clean" else corrupted)).square().mean()
    assert torch.isclose(term(model, "denoise", progress), wanted)


def test_a_trained_denoiser_points_up_the_density_of_the_features() -> None:
    """r(h) − h is σ² times the slope of log q for corrupted features (Alain and Bengio 2014; Eq. 11): with Gaussian features of
    standard deviation s, the best r is h s² / (s² + σ²)."""
    torch.manual_seed(0)
    from zoo_core.building.builder import build_part

    denoiser = build_part("network", {"name": "mlp-denoiser", "depth": 2, "width": 64}, image_shape=(2, 1, 1))
    optimizer = torch.optim.Adam(denoiser.parameters(), 1e-2)
    for i in range(600):
        if i == 400:
            optimizer.param_groups[0]["lr"] = 1e-3
        clean = 2 * torch.randn(512, 2)
        optimizer.zero_grad()
        (denoiser(clean + torch.randn(512, 2)) - clean).square().mean().backward()
        optimizer.step()
    h = 2 * torch.randn(500, 2)
    with torch.no_grad():
        found = denoiser.eval()(h)
    assert (found - 0.8 * h).square().mean().item() < 0.05 * (0.2 * h).square().mean().item() + 0.02


def test_the_denoiser_sits_on_a_frozen_classifier_s_maps() -> None:
    model = zoo.build("gan", data="digits", width=4, objective=["gan", "dfm"], classifier="digit-classifier",
                      **{"objective.dfm.extractor": "classifier", "objective.dfm.layer": "conv2", "objective.dfm.denoiser":
                         {"name": "conv-denoiser", "depth": 1}})  # fmt: skip
    assert "classifier" in model.frozen
    before = copy.deepcopy(model.parts["classifier"].state_dict())
    for played in zoo.rounds(model, data="digits", epochs=1):
        assert {"dfm.denoise", "dfm.features", "gan.generator"} <= set(played.terms)
        if played.index == 1:
            break
    assert all(torch.equal(value, before[name]) for name, value in model.parts["classifier"].state_dict().items())


def test_the_denoiser_is_not_published_and_the_features_weight_counts_features() -> None:
    model = build()
    assert not any("denoiser" in name for name in model.published_state())
    double = build(**{"objective.dfm.weight": 0.06})
    assert torch.isclose(term(double, "fool"), 2 * term(model, "fool"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"objective.dfm.layer": "hidden7"}, "gives the layers features, score"),
        ({"objective.dfm.denoiser": "conv-denoiser"}, "choose mlp-denoiser for a vector"),
        ({"objective.dfm.extractor": "classifier"}, 'needs part "classifier"'),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_type(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(IncompatibleError, match=said):
        build(**settings)
