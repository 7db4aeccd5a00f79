"""ALI and GibbsNet against loops written from the thesis's section 3.4, in float64."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

import zoo_core as zoo
from zoo_core.game import Game, rules_for
from zoo_core.interfaces import Batch, Decoder, Encoder, FeatureExtractor, Labels, Objective, Part
from zoo_core.noise import KeyedNoise

SHAPE, EXAMPLES, SEED, ROUNDS, LATENT = (1, 8, 8), 8, 3, 5, 4
NETS: dict[str, Any] = {
    "encoder": {"name": "mlp", "hidden": [9], "posterior": "gaussian"},
    "decoder": {"name": "mlp", "hidden": [9], "likelihood": "gaussian", "sigma": "shared", "initial_log_sigma": -1.0},
    "discriminator": {"hidden": [7], "code_hidden": [5], "net": {"name": "mlp", "hidden": [7], "layers": ["hidden1"]}},
    "latent_dim": LATENT,
}
IN_TURN = [{"losses": ["discriminate"], "players": ["discriminator"]}, {"losses": ["fool"], "players": ["generator"]}]


def build(recipe: str, **settings: Any) -> zoo.Model:
    return zoo.build(recipe, image_shape=SHAPE, labels=Labels(), dtype=torch.float64, **{**NETS, **settings})


def images(round: int) -> Tensor:
    return torch.rand(EXAMPLES, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(round))


def play(model: zoo.Model) -> None:
    objectives = {name: cast(Objective, o) for name, o in model.objectives.items()}
    rules = rules_for(objectives, frozenset(model.parts) - model.frozen, model.config["training"])
    rounds = iter(range(ROUNDS))
    parts = {name: cast(Part, part) for name, part in model.parts.items()}
    game = Game(parts, objectives, rules, lambda _: Batch(images(next(rounds))), seed=SEED)
    model.train()
    for _ in range(ROUNDS):
        game.play()


class Hand:
    """The model's nets, and a loop written out.

    Arguments:
        steps: N.
        gradient: as the objective's.
        decoding: as the objective's.
        loss: as the objective's.
        at_once: both players step at the same weights.
    """

    def __init__(
        self,
        model: zoo.Model,
        *,
        steps: int,
        gradient: str = "last-step",
        decoding: str = "mean",
        loss: str = "gan",
        at_once: bool = True,
    ) -> None:
        self.own = copy.deepcopy(model).train()
        self.encoder = cast(Encoder, self.own.parts["encoder"])
        self.decoder = cast(Decoder, self.own.parts["decoder"])
        self.critic = cast(FeatureExtractor, self.own.parts["discriminator"])
        self.steps, self.gradient, self.decoding, self.loss, self.at_once = steps, gradient, decoding, loss, at_once
        moved = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.nets = ([*self.critic.parameters()], [p for p in moved if p.requires_grad])
        self.players = [torch.optim.Adam(net, 1e-4, betas=(0.5, 0.999)) for net in self.nets]

    def to_x(self, z: Tensor, noise: KeyedNoise, k: int) -> Tensor:
        p = self.decoder.likelihood(z)
        if self.decoding == "mean":
            return p.mean
        return p.mean + cast(Any, p).log_sigma.exp() * noise.normal(f"unclamped:x{k}", (EXAMPLES, *SHAPE))

    def to_z(self, x: Tensor, noise: KeyedNoise, name: str) -> Tensor:
        mean, raw = self.encoder(x).chunk(2, dim=1)
        return mean + (7 * torch.tanh(raw / 7)).exp() * noise.normal(name, (EXAMPLES, LATENT))

    def pairs(self, round: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        noise = KeyedNoise(SEED, round, dtype=torch.float64)
        data = images(round)
        z = noise.normal("prior", (EXAMPLES, LATENT))
        for k in range(1, self.steps):
            x = self.to_x(z, noise, k)
            if self.gradient != "all" and k == self.steps - 1:
                x = x.detach()
            z = self.to_z(x, noise, f"unclamped:z{k}")
        if self.gradient == "decoder":
            z = z.detach()
        return (data, self.to_z(data, noise, "z")), (self.to_x(z, noise, self.steps), z)

    def losses(self, round: int) -> tuple[Tensor, Tensor]:
        clamped, unclamped = self.pairs(round)
        s, t = self.critic(*clamped)[-1], self.critic(*unclamped)[-1]
        if self.loss in ("gan", "bgan"):
            critic = softplus(-s).mean() + softplus(t).mean()
        else:
            critic = 0.5 * ((s - 1).square().mean() + t.square().mean())
        match self.loss:
            case "gan":
                sought = softplus(s).mean() + softplus(-t).mean()
            case "bgan":  # (log D − log(1 − D))² with D = sigmoid(score)
                d, e = s.sigmoid(), t.sigmoid()
                sought = 0.5 * ((d.log() - (1 - d).log()).square().mean() + (e.log() - (1 - e).log()).square().mean())
            case "lsgan":
                sought = 0.5 * (s.square().mean() + (t - 1).square().mean())
            case _:
                sought = 0.5 * ((s - 0.5).square().mean() + (t - 0.5).square().mean())
        return critic, sought

    def round(self, round: int) -> None:
        gradients: list[Any] = []
        for who in (0, 1):
            gradients.append(torch.autograd.grad(self.losses(round)[who], self.nets[who], allow_unused=True))
            if not self.at_once:
                self.step(who, gradients[who])
        if self.at_once:
            for who in (0, 1):
                self.step(who, gradients[who])

    def step(self, who: int, gradients: Any) -> None:
        for parameter, gradient in zip(self.nets[who], gradients, strict=True):
            parameter.grad = gradient
        self.players[who].step()


def largest_difference(model: zoo.Model, hand: Hand) -> float:
    """Of all weights, after ``ROUNDS`` rounds of both. (Running statistics of batch norm are not moved by early steps, which this loop
    does not mind.)"""
    play(model)
    for round in range(ROUNDS):
        hand.round(round)
    other = dict(hand.own.named_parameters())
    return max(float((value - other[name]).detach().abs().max()) for name, value in model.named_parameters())


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in turn"])
@pytest.mark.parametrize(
    ("steps", "gradient", "decoding", "loss"),
    [
        (1, "last-step", "mean", "gan"),
        (1, "last-step", "sample", "bgan"),
        (3, "last-step", "mean", "gan"),
        (3, "last-step", "sample", "bgan-squared"),
        (3, "decoder", "mean", "lsgan"),
        (3, "all", "sample", "bgan"),
        (2, "all", "mean", "gan"),
    ],
)
def test_each_game_equals_a_loop_written_by_hand(
    steps: int, gradient: str, decoding: str, loss: str, at_once: bool
) -> None:
    settings = {
        "objective.gibbsnet.gradient": gradient,
        "objective.gibbsnet.decoding": decoding,
        "objective.gibbsnet.loss": loss,
    }
    model = build("gibbsnet", steps=steps, **settings, **({} if at_once else {"training.turns": IN_TURN}))
    hand = Hand(model, steps=steps, gradient=gradient, decoding=decoding, loss=loss, at_once=at_once)
    assert largest_difference(model, hand) < 1e-12


def test_ali_is_gibbsnet_of_one_step() -> None:
    ali, gibbsnet = build("ali"), build("gibbsnet", steps=1)
    play(ali)
    play(gibbsnet)
    other = gibbsnet.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in ali.state_dict().items())


@pytest.mark.parametrize(
    "wrong", [{"steps": 2}, {"gradient": "decoder"}, {"gradient": "all"}, {"loss": "bgan"}, {"at_once": False}]
)
def test_any_other_game_is_told_apart(wrong: dict[str, Any]) -> None:
    """The negative control: what is compared depends on each choice."""
    model = build("gibbsnet", **{"objective.gibbsnet.loss": "gan"})
    assert largest_difference(model, Hand(model, **{"steps": 3, **wrong})) > 1e-6
