"""VAC and IntroVAC against loops written from the paper's Eq. 5 and Algorithm 1, in float64."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import cross_entropy

import zoo_core as zoo
from zoo_core.game import Game, rules_for
from zoo_core.interfaces import Batch, Decoder, Encoder, Head, Labels, Objective, Part
from zoo_core.noise import KeyedNoise

SHAPE, EXAMPLES, SEED, ROUNDS, LATENT = (1, 16, 16), 8, 3, 5, 4
ATTRIBUTES, CLASSES = Labels("attributes", ("round", "thin")), Labels("classes", ("a", "b", "c"))
SMALL: dict[str, Any] = {
    "encoder": {"name": "resnet", "width": 2},
    "decoder": {"name": "resnet", "width": 2, "sigma": "fixed"},
}


def build(recipe: str, labels: Labels = ATTRIBUTES, **settings: Any) -> zoo.Model:
    given = {**SMALL, "latent_dim": LATENT, **settings}
    return zoo.build(recipe, image_shape=SHAPE, labels=labels, dtype=torch.float64, **given)


def batch(round: int, labels: Labels = ATTRIBUTES) -> Batch:
    rng = torch.Generator().manual_seed(round)
    x = torch.rand(EXAMPLES, *SHAPE, dtype=torch.float64, generator=rng)
    if labels.type == "classes":
        return Batch(x, y=torch.randint(3, (EXAMPLES,), generator=rng))
    return Batch(x, attributes=torch.randint(2, (EXAMPLES, 2), generator=rng).to(torch.int8))


def play(model: zoo.Model, labels: Labels = ATTRIBUTES) -> None:
    objectives = {name: cast(Objective, o) for name, o in model.objectives.items()}
    rules = rules_for(objectives, frozenset(model.parts) - model.frozen, model.config["training"])
    rounds = iter(range(ROUNDS))
    parts = {name: cast(Part, part) for name, part in model.parts.items()}
    game = Game(
        parts,
        objectives,
        rules,
        lambda _: batch(next(rounds), labels),
        seed=SEED,
        progress=lambda round: (float(round), float(ROUNDS)),
    )
    model.train()
    for _ in range(ROUNDS):
        game.play()


class Hand:
    """The model's nets, and Algorithm 1 written out.

    Arguments:
        begin: the first round of the game between encoder and decoder.
        fresh: L_G is of pictures of the codes of the encoder after its step.
        old_encoder: L_G is seen by encoder and classifier as they were before their step.
        forgets: the decoder steps with the gradient of L_G alone.
    """

    def __init__(
        self,
        model: zoo.Model,
        *,
        labels: Labels = ATTRIBUTES,
        begin: int = 0,
        fresh: bool = False,
        old_encoder: bool = False,
        forgets: bool = False,
    ) -> None:
        self.own = copy.deepcopy(model).train()
        self.E, self.G = cast(Encoder, self.own.parts["encoder"]), cast(Decoder, self.own.parts["decoder"])
        self.C = cast(Head, self.own.parts["head"])
        self.labels, self.begin, self.fresh, self.old_encoder, self.forgets = labels, begin, fresh, old_encoder, forgets
        self.theta = [*self.G.parameters()]
        self.phi = [*self.E.parameters(), *self.C.parameters()]
        self.of_theta, self.of_phi = torch.optim.Adam(self.theta, 2e-4), torch.optim.Adam(self.phi, 2e-4)

    def infer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = self.E(x).chunk(2, dim=1)
        return mean, 7 * torch.tanh(raw / 7)

    def picture(self, z: Tensor) -> Tensor:
        return self.G(z).sigmoid()

    def verdict(self, x: Tensor) -> Tensor:
        return self.C(self.infer(x)[0])

    def told_fake(self, logits: Tensor) -> Tensor:
        if self.labels.type == "classes":
            return -logits.log_softmax(1)[:, -1].mean()
        return -logits[:, -1].sigmoid().log().mean()

    def told_real(self, logits: Tensor) -> Tensor:
        if self.labels.type == "classes":
            return -(1 - logits.softmax(1)[:, -1]).log().mean()
        return -(1 - logits[:, -1].sigmoid()).log().mean()

    def classified(self, logits: Tensor, seen: Batch) -> Tensor:
        if self.labels.type == "classes":
            return cross_entropy(logits[:, :-1], cast(Tensor, seen.y))
        return bce(logits[:, :2], cast(Tensor, seen.attributes).double())

    def vac(self, seen: Batch, noise: KeyedNoise) -> tuple[Tensor, Tensor, Tensor]:
        """Eq. 5 with the five weights' first three, Z_r and X_r."""
        mean, log_sigma = self.infer(seen.x)
        z = mean + log_sigma.exp() * noise.normal("z", (EXAMPLES, LATENT))
        x = self.picture(z)
        kl = 0.5 * (mean.square() + (2 * log_sigma).exp() - 1 - 2 * log_sigma)
        loss = 100 * (x - seen.x).abs().mean() + 3 * kl.mean()
        logits = self.C(z)
        if "introspection" not in self.own.objectives:
            return loss + 10 * bce(logits, cast(Tensor, seen.attributes).double()), z, x
        return loss + 10 * self.classified(logits, seen) + 10 * self.told_real(logits), z, x

    def round(self, round: int) -> None:
        seen, noise = batch(round, self.labels), KeyedNoise(SEED, round, dtype=torch.float64)
        z_g = noise.normal("prior", (EXAMPLES, LATENT))
        loss, z_r, x_r = self.vac(seen, noise)
        plays = round >= self.begin and "introspection" in self.own.objectives
        if plays:
            x_rr, x_g = x_r.detach(), self.picture(z_g).detach()
            loss = loss + 0.01 * (self.told_fake(self.verdict(x_rr)) + self.told_fake(self.verdict(x_g)))
        gradients = torch.autograd.grad(loss, [*self.phi, *self.theta], allow_unused=True)
        if plays and self.old_encoder:
            fooled = self.fooled(z_r.detach(), z_g, seen)
        self.step(self.of_phi, self.phi, gradients[: len(self.phi)])
        kept = gradients[len(self.phi) :]
        if plays:
            if not self.old_encoder:
                if self.fresh:
                    mean, log_sigma = self.infer(seen.x)
                    z_r = mean + log_sigma.exp() * noise.normal("z", (EXAMPLES, LATENT))
                fooled = self.fooled(z_r.detach(), z_g, seen)
            kept = fooled if self.forgets else tuple(a + b for a, b in zip(kept, fooled, strict=True))
        self.step(self.of_theta, self.theta, kept)

    def fooled(self, z_r: Tensor, z_g: Tensor, seen: Batch) -> Any:
        """β_G (L_G^r + L_G^g): its gradient in θ."""
        logits = self.verdict(self.picture(z_r))
        loss = self.classified(logits, seen) + self.told_real(logits) + self.told_real(self.verdict(self.picture(z_g)))
        return torch.autograd.grad(5 * loss, self.theta)

    @staticmethod
    def step(optimizer: torch.optim.Optimizer, weights: list[Any], gradients: Any) -> None:
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        optimizer.step()


def largest_difference(model: zoo.Model, hand: Hand) -> float:
    """Of all weights, after ``ROUNDS`` rounds of both."""
    play(model, hand.labels)
    for round in range(ROUNDS):
        hand.round(round)
    other = dict(hand.own.named_parameters())
    return max(float((value - other[name]).detach().abs().max()) for name, value in model.named_parameters())


def test_vac_equals_a_loop_written_by_hand() -> None:
    model = build("vac")
    assert largest_difference(model, Hand(model)) < 1e-10


@pytest.mark.parametrize("labels", [ATTRIBUTES, CLASSES], ids=lambda labels: labels.type)
@pytest.mark.parametrize("begin", [0, 2])
def test_introvac_equals_algorithm_1(labels: Labels, begin: int) -> None:
    told = "latent-attribute-bce" if labels is ATTRIBUTES else "latent-cross-entropy"
    objectives = ["reconstruction", "divergence", {"name": told, "weight": 10.0}, "introspection"]
    start = {"objective.introspection.start": begin / ROUNDS}
    model = build("introvac", labels, objective=objectives, **start)
    assert largest_difference(model, Hand(model, labels=labels, begin=begin)) < 1e-10


@pytest.mark.parametrize(
    "wrong", [{"fresh": True}, {"old_encoder": True}, {"forgets": True}], ids=lambda wrong: next(iter(wrong))
)
def test_any_other_game_is_told_apart(wrong: dict[str, Any]) -> None:
    """The negative controls: fresh pictures, the encoder of before its step, and no kept gradient."""
    model = build("introvac", **{"objective.introspection.start": 0.0})
    assert largest_difference(model, Hand(model, **wrong)) > 1e-6


def test_rates_fall_at_epochs_60_90_and_120() -> None:
    model = build("introvac")
    rules = rules_for(
        {name: cast(Objective, o) for name, o in model.objectives.items()},
        frozenset(model.parts),
        model.config["training"],
    )
    for player in rules.players.values():
        factors = [player.schedule.factor(epoch, 150.0) for epoch in (0.0, 59.9, 60.0, 89.9, 90.0, 119.9, 120.0, 149.0)]
        assert factors == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]
