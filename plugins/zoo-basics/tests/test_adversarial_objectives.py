"""Objectives of generative adversarial networks: their terms, what they move, and what they refuse."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus
from zoo_basics.objectives.jacobian_clamping import JacobianClamping, clamping

import zoo_core as zoo
from zoo_core.errors import IncompatibleError, SettingError, ZooError
from zoo_core.game import Game, Step, rules_for
from zoo_core.interfaces import Batch, Decoder, FeatureExtractor, Labels, Objective, Part
from zoo_core.noise import KeyedNoise

SHAPE, EXAMPLES, SEED = (1, 8, 8), 6, 3
NETS: dict[str, Any] = {"decoder": {"name": "mlp", "hidden": [9], "sigma": "fixed"}, "latent_dim": 4,
                        "discriminator": {"name": "mlp", "hidden": [7], "features": 5}}  # fmt: skip
ALL = ("gan", "gan-minimax", "lsgan", "hinge", "wgan", "wgan-gp", "bgan", "feature-matching")


def build(objective: Any, **settings: Any) -> zoo.Model:
    labels = Labels("classes", ("a", "b", "c"))
    return zoo.build("gan", image_shape=SHAPE, labels=labels, dtype=torch.float64, objective=objective,
                     **{**NETS, **settings})  # fmt: skip


def batch(start: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(start)
    x = torch.rand(EXAMPLES, *SHAPE, dtype=torch.float64, generator=generator)
    return Batch(x, torch.arange(EXAMPLES) % 3)


def modules(model: zoo.Model) -> dict[str, Part]:
    named = {**dict(model.parts.items()), **dict(model.objectives.items())}
    return {name: cast(Part, module) for name, module in named.items()}


def step_of(model: zoo.Model, progress: float = 0.0) -> Step:
    return Step(modules(model.train()), batch(), KeyedNoise(SEED, 0, dtype=torch.float64), progress=progress)


def terms(model: zoo.Model, loss: str, progress: float = 0.0) -> dict[str, Tensor]:
    step = step_of(model, progress)
    return {
        f"{name}.{term.name}": term.value
        for name, objective in model.objectives.items()
        if loss in cast(Objective, objective).losses
        for term in cast(Objective, objective).terms(loss, step)
    }


def pictures(model: zoo.Model) -> tuple[Tensor, Tensor]:
    """The batch's images and the step's generated ones, made by hand."""
    z = 2 * KeyedNoise(SEED, 0, dtype=torch.float64).uniform("prior", (EXAMPLES, 4)) - 1
    return batch().x, cast(Decoder, model.parts["decoder"]).likelihood(z).mean


def score(model: zoo.Model, x: Tensor) -> Tensor:
    return cast(FeatureExtractor, model.parts["discriminator"]).features(x)["score"][:, 0]


def play(model: zoo.Model, rounds: int, only: str = "") -> None:
    """Play whole rounds, or the turns of one loss alone."""
    objectives = {name: cast(Objective, o) for name, o in model.objectives.items()}
    rules = rules_for(objectives, frozenset(model.parts), model.config["training"])
    rules = replace(rules, turns=tuple(turn for turn in rules.turns if not only or only in turn.losses))
    starts = iter(range(1000))
    parts = {name: cast(Part, part) for name, part in model.parts.items()}
    game = Game(parts, objectives, rules, lambda _: batch(next(starts)), seed=SEED)
    model.train()
    for _ in range(rounds):
        game.play()


def test_a_term_is_the_loss_of_the_scores_of_images_and_decoded_draws() -> None:
    model = build("gan")
    x, fake = pictures(model)
    real, made = score(model, x), score(model, fake)
    assert torch.isclose(
        terms(model, "discriminate")["gan.discriminator"], softplus(-real).mean() + softplus(made).mean()
    )
    assert torch.isclose(terms(model, "fool")["gan.generator"], softplus(-made).mean())


def test_five_rounds_in_turn_equal_a_loop_written_by_hand() -> None:
    model = build("gan")
    hand = copy.deepcopy(model)
    play(model, 5)

    critic, generator = hand.parts["discriminator"].train(), cast(Decoder, hand.parts["decoder"].train())
    to_critic = torch.optim.Adam(critic.parameters(), 2e-4, betas=(0.5, 0.999))
    to_generator = torch.optim.Adam(generator.parameters(), 2e-4, betas=(0.5, 0.999))
    for round in range(5):
        z = 2 * KeyedNoise(SEED, round, dtype=torch.float64).uniform("prior", (EXAMPLES, 4)) - 1
        fake = generator.likelihood(z).mean
        to_critic.zero_grad()
        (softplus(-score(hand, batch(round).x)).mean() + softplus(score(hand, fake.detach())).mean()).backward()
        to_critic.step()
        to_generator.zero_grad()
        softplus(-score(hand, fake)).mean().backward()
        to_generator.step()
    for name, weight in hand.named_parameters():
        assert torch.allclose(weight, model.get_parameter(name), rtol=0, atol=1e-12), name


@pytest.mark.parametrize("objective", ALL)
@pytest.mark.parametrize(("loss", "moved"), [("discriminate", "discriminator"), ("fool", "decoder")])
def test_a_turn_moves_the_player_whose_loss_is_played(objective: str, loss: str, moved: str) -> None:
    model = build(objective)
    before = copy.deepcopy(model.parts.state_dict())
    play(model, 1, only=loss)
    changed = {
        name.split(".")[0] for name, weight in model.parts.state_dict().items() if not torch.equal(weight, before[name])
    }
    assert changed == {moved}


def test_a_wgan_plays_its_critic_five_times_a_round_within_a_hundredth() -> None:
    model = build("wgan")
    turns = model.config["training"]["turns"]
    assert [(turn["losses"], turn["batches"]) for turn in turns] == [(["discriminate"], 5), (["fool"], 1)]
    play(model, 1)
    assert all(float(p.detach().abs().max()) <= 0.01 for p in model.parts["discriminator"].parameters())


def test_the_penalty_of_wgan_gp_looks_between_images_and_generated_ones() -> None:
    model = build("wgan-gp")
    x, fake = pictures(model)
    mix = KeyedNoise(SEED, 0, dtype=torch.float64).uniform("mix", (EXAMPLES,)).view(-1, 1, 1, 1)
    at = (mix * x + (1 - mix) * fake.detach()).requires_grad_()
    (slope,) = torch.autograd.grad(score(model, at).sum(), at)
    wanted = 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()
    assert torch.isclose(terms(model, "discriminate")["wgan-gp.penalty"], wanted)


@pytest.mark.parametrize("name", ["r1", "roth"])
def test_a_penalty_stands_beside_any_game(name: str) -> None:
    model = build(["hinge", name])
    x, fake = pictures(model)
    wanted = torch.zeros((), dtype=torch.float64)
    for images, sign in ((x, -1), (fake.detach(), 1)):
        at = images.clone().requires_grad_()
        scores = score(model, at)
        (slope,) = torch.autograd.grad(scores.sum(), at)
        factor = torch.ones(EXAMPLES, dtype=torch.float64) if name == "r1" else (sign * scores).sigmoid().square()
        wanted = wanted + (factor * slope.flatten(1).square().sum(1)).mean() * (name == "roth" or sign == -1)
    weight = {"r1": 10.0, "roth": 2.0}[name]
    assert torch.isclose(terms(model, "discriminate")[f"{name}.penalty"], 0.5 * weight * wanted)


def test_feature_matching_is_the_squared_distance_of_mean_features() -> None:
    model = build({"name": "feature-matching", "weight": 3.0})
    extractor = cast(FeatureExtractor, model.parts["discriminator"])
    means = [extractor.features(images)["features"].mean(0) for images in pictures(model)]
    wanted = 3.0 * (means[0] - means[1]).square().sum() / 5
    assert torch.isclose(terms(model, "fool")["feature-matching.features"], wanted)


def test_feature_matching_can_leave_the_discriminator_to_another_game() -> None:
    both = build(["hinge", {"name": "feature-matching", "discriminate": False}])
    assert set(terms(both, "discriminate")) == {"hinge.discriminator"}
    assert set(terms(both, "fool")) == {"hinge.generator", "feature-matching.features"}


def test_a_layer_that_the_discriminator_does_not_give_is_refused_with_how_to_ask_for_it() -> None:
    with pytest.raises(
        IncompatibleError, match=r'gives the layers features, score, not "hidden1".*discriminator\.layers='
    ):
        build({"name": "feature-matching", "layer": "hidden1"})
    build({"name": "feature-matching", "layer": "hidden1"}, **{"discriminator.layers": ["hidden1", "score"]})


def test_discrete_boundary_seeking_weighs_each_draw_by_its_share_of_the_odds() -> None:
    draws = 4
    model = build({"name": "bgan", "pixels": "discrete", "draws": draws},
                  decoder={"name": "mlp", "hidden": [9], "likelihood": "bernoulli"})  # fmt: skip
    noise = KeyedNoise(SEED, 0, dtype=torch.float64)
    z = 2 * noise.uniform("prior", (EXAMPLES, 4)) - 1
    probabilities = cast(Decoder, model.parts["decoder"]).likelihood(z).mean
    wanted = torch.zeros((), dtype=torch.float64)
    drawn = [(noise.uniform(f"pixels:{m}", (EXAMPLES, *SHAPE)) < probabilities).double() for m in range(draws)]
    odds = torch.stack([score(model, x).sigmoid() / (1 - score(model, x).sigmoid()) for x in drawn]).detach()
    for m, x in enumerate(drawn):
        share = odds[m] / odds.sum(0)
        log_p = (x * probabilities.log() + (1 - x) * (1 - probabilities).log()).flatten(1).mean(1)
        wanted = wanted - (share * log_p).mean()
    value = terms(model, "fool")["bgan.generator"]
    assert torch.isclose(value, wanted)
    ours, by_hand = (torch.autograd.grad(v, list(model.parts["decoder"].parameters())) for v in (value, wanted))
    assert all(torch.allclose(a, b) for a, b in zip(ours, by_hand, strict=True))


def test_instance_noise_is_on_both_sides_and_falls_to_nothing() -> None:
    model = build({"name": "gan", "instance_noise": 0.5, "noise_until": 0.5})
    noise = KeyedNoise(SEED, 0, dtype=torch.float64)
    x, fake = pictures(model)
    for progress, std in ((0.0, 0.5), (0.25, 0.25), (0.5, 0.0), (1.0, 0.0)):
        real = score(model, x + std * noise.normal("instance:x", x.shape))
        made = score(model, fake + std * noise.normal("instance:generated", x.shape))
        value = terms(model, "discriminate", progress)["gan.discriminator"]
        assert torch.isclose(value, softplus(-real).mean() + softplus(made).mean())


class Linear(Decoder):
    """G(z) = A z, as a picture."""

    def __init__(self, a: Tensor) -> None:
        super().__init__()
        from zoo_core.distributions import likelihood_family

        self.a = torch.nn.Parameter(a)
        self.image_shape, self.latent_dim = (1, 1, a.shape[0]), a.shape[1]
        self.family = likelihood_family("gaussian", self.image_shape, sigma="fixed", initial_log_sigma=0.0)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        # What the family's sigmoid undoes: the mean is A z / 100 + ½.
        return torch.logit(z @ self.a.t() / 100 + 0.5).view(-1, *self.image_shape)


@pytest.mark.parametrize("along", [None, 0, 1, 2])
def test_the_clamped_quotient_of_a_linear_generator_is_that_of_its_matrix(along: int | None) -> None:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(5, 3, dtype=torch.float64, generator=generator)
    decoder = Linear(a)
    _, singular, vectors = torch.linalg.svd(a)
    given = (
        torch.randn(EXAMPLES, 3, dtype=torch.float64, generator=generator)
        if along is None
        else vectors[along].expand(EXAMPLES, 3)
    )
    # Images count in [−1, 1]: a quotient of 2/100 ‖Aδ‖/‖δ‖.
    quotient = (given @ a.t()).norm(dim=1) / given.norm(dim=1) if along is None else singular[along].expand(EXAMPLES)
    objective = JacobianClamping(lowest=0.025, highest=0.03, epsilon=0.5)

    class Given(KeyedNoise):
        def normal(self, name: str, shape: Any) -> Tensor:
            return given if name == "direction" else super().normal(name, shape)

    from zoo_basics.priors.gaussian import GaussianPrior

    parts: dict[str, Part] = {"decoder": decoder, "prior": GaussianPrior(latent_dim=3), "jacobian-clamping": objective}
    step = Step(parts, batch(), Given(SEED, 0, dtype=torch.float64))
    (term,) = objective.terms("fool", step)
    below, above = (0.025 - quotient / 50).clamp(min=0), (quotient / 50 - 0.03).clamp(min=0)
    assert torch.isclose(term.value, (below.square() + above.square()).mean(), rtol=1e-9)


def test_nothing_is_paid_within_the_bounds() -> None:
    assert clamping(torch.tensor([1.0, 7.0, 20.0]), 1.0, 20.0).tolist() == [0, 0, 0]
    assert clamping(torch.tensor([0.5, 23.0]), 1.0, 20.0).tolist() == [0.25, 9.0]


def test_a_conditional_game_tells_both_nets_the_labels() -> None:
    model = build("gan", conditional=True)
    x, y = batch().x, torch.arange(EXAMPLES) % 3
    extractor = cast(FeatureExtractor, model.parts["discriminator"])
    real = extractor.features(x, y=y)["score"][:, 0]
    z = 2 * KeyedNoise(SEED, 0, dtype=torch.float64).uniform("prior", (EXAMPLES, 4)) - 1
    fake = cast(Decoder, model.parts["decoder"]).likelihood(z, y).mean
    made = extractor.features(fake, y=y)["score"][:, 0]
    assert torch.isclose(
        terms(model, "discriminate")["gan.discriminator"], softplus(-real).mean() + softplus(made).mean()
    )
    assert not torch.equal(model.sample(3, seed=0, y=torch.zeros(3, dtype=torch.int64)),
                           model.sample(3, seed=0, y=torch.ones(3, dtype=torch.int64)))  # fmt: skip


def test_played_at_once_the_discriminator_looks_at_generated_images_once() -> None:
    calls = []
    model = build(
        "gan", **{"training.turns": [{"losses": ["discriminate", "fool"], "players": ["discriminator", "generator"]}]}
    )
    model.parts["discriminator"].register_forward_hook(lambda *_: calls.append(1))
    play(model, 2)
    assert len(calls) == 4  # data and generated images, in each of two rounds


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"discriminator": "digit-classifier", "image_shape": (1, 32, 32)}, 'needs "score" of part "discriminator"'),
        ({"objective": "jacobian-clamping", "objective.jacobian-clamping.lowest": 30.0}, "above highest"),
        ({"objective": {"name": "bgan", "pixels": "discrete"}}, "set decoder.likelihood=bernoulli"),
        (
            {
                "objective": {"name": "bgan", "pixels": "discrete", "instance_noise": 0.1},
                "decoder.likelihood": "bernoulli",
            },
            "would make discrete pixels continuous",
        ),
        ({"conditional": True, "labels": Labels()}, "needs data with classes"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_type(settings: dict[str, Any], said: str) -> None:
    given = {"image_shape": SHAPE, **NETS, **settings}
    with pytest.raises((IncompatibleError, SettingError), match=said) as refusal:
        zoo.build("gan", **given)
    assert isinstance(refusal.value, ZooError) and refusal.value.hint


def test_a_game_on_another_recipe_asks_for_a_discriminator_and_trains_it() -> None:
    with pytest.raises(
        IncompatibleError, match=r'needs part "discriminator".*try discriminator="dcgan", or one of: mlp, resnet'
    ):
        zoo.build("vae", objective=["elbo", "gan"])
    model = zoo.build("vae", objective=["elbo", "gan"], discriminator="mlp")
    assert "discriminator" not in model.frozen
    assert model.config["training"]["players"]["generator"]["trains"] == ["decoder"]
