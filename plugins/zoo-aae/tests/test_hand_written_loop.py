"""Adversarial autoencoders trained by the game equal a loop written by hand, phase by phase, after the paper's section 2 and 5."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

import zoo_core as zoo
from zoo_core.game import Game, rules_for
from zoo_core.interfaces import Batch, Labels, Objective, Part
from zoo_core.noise import KeyedNoise

SHAPE, CLASSES, EXAMPLES, ROUNDS, SEED = (1, 4, 4), 3, 8, 5, 7
SMALL: dict[str, Any] = {
    "encoder.hidden": [6, 5],
    "decoder.hidden": [5, 6],
    "objective.adversarial-prior.hidden": [7, 4],
    "objective.adversarial-prior.init_std": 0.0,
    "encoder.init_std": 0.0,
    "decoder.init_std": 0.0,
}


def build(recipe: str, **settings: Any) -> zoo.Model:
    labels = Labels("classes", tuple("abc"))
    return zoo.build(recipe, image_shape=SHAPE, labels=labels, dtype=torch.float64, **SMALL, **settings)


def batches(first: int, known: bool = True) -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(first)
    while True:
        x = torch.rand(EXAMPLES, *SHAPE, dtype=torch.float64, generator=generator)
        y = torch.randint(CLASSES, (EXAMPLES,), generator=generator)
        if not known:
            y[torch.rand(EXAMPLES, generator=generator) < 0.5] = -1
        yield Batch(x, y)


def play(model: zoo.Model, known: bool = True) -> None:
    streams = {"main": batches(1, known), "labelled": batches(2)}
    objectives = {name: cast(Objective, o) for name, o in model.objectives.items()}
    rules = rules_for(objectives, frozenset(model.parts), model.config["training"])
    parts = {name: cast(Part, p) for name, p in model.parts.items()}
    game = Game(parts, objectives, rules, lambda name: next(streams[name]), seed=SEED)
    model.train()
    for _ in range(ROUNDS):
        game.play()


class Hand:
    """Plain layers with the model's first weights, and the paper's optimizers (appendix A)."""

    def __init__(self, model: zoo.Model) -> None:
        own = copy.deepcopy(model)
        encoder, decoder = own.parts["encoder"], own.parts["decoder"]
        self.encoder = nn.Sequential(nn.Flatten(), *encoder.hidden, encoder.head)
        self.decoder = nn.Sequential(*decoder.hidden, decoder.head, nn.Sigmoid())
        self.critics = own.objectives["adversarial-prior"].critics
        self.own = own
        critics = [p for critic in self.critics.values() for p in critic.parameters()]
        autoencoder = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.to_reconstruct = torch.optim.SGD(autoencoder, lr=0.01, momentum=0.9)
        self.to_criticize = torch.optim.SGD(critics, lr=0.1, momentum=0.1)
        self.to_fool = torch.optim.SGD(self.encoder.parameters(), lr=0.1, momentum=0.1)
        self.to_supervise = torch.optim.SGD(self.encoder.parameters(), lr=0.1, momentum=0.9)

    def score(self, name: str, z: Tensor, y: Tensor | None = None) -> Tensor:
        critic = self.critics[name]
        hidden = z @ critic.first.weight.t() + critic.first.bias
        if y is not None:
            hidden = hidden + critic.label.weight[y]
        return critic.rest(hidden).squeeze(1)

    def reconstruct(self, x: Tensor, code: Callable[[Tensor], Tensor], y: Tensor | None = None) -> None:
        z = code(x)
        decoded = self.decoder(z if y is None else torch.cat([z, one_hot(y, CLASSES)], dim=1))
        step(self.to_reconstruct, (decoded - x.flatten(1)).square().sum(1).mean() / 2)

    def regularize(
        self,
        x: Tensor,
        code: Callable[[Tensor], Tensor],
        draws: Tensor,
        latents: dict[str, slice],
        y: Tensor | None = None,
    ) -> None:
        fake = code(x).detach()
        ones, zeros = torch.ones(EXAMPLES, dtype=torch.float64), torch.zeros(EXAMPLES, dtype=torch.float64)
        loss: Any = 0
        for name, columns in latents.items():
            loss = loss + binary_cross_entropy_with_logits(self.score(name, draws[:, columns], y), ones)
            loss = loss + binary_cross_entropy_with_logits(self.score(name, fake[:, columns], y), zeros)
        step(self.to_criticize, loss)
        codes = code(x)
        step(
            self.to_fool,
            sum(binary_cross_entropy_with_logits(self.score(n, codes[:, c], y), ones) for n, c in latents.items()),
        )


def step(optimizer: torch.optim.Optimizer, loss: Any) -> None:
    everything = [p for group in optimizer.param_groups for p in group["params"]]
    gradients = torch.autograd.grad(loss, everything)
    for parameter, gradient in zip(everything, gradients):
        parameter.grad = gradient
    optimizer.step()


def same(model: zoo.Model, hand: Hand) -> None:
    before, ours = hand.own.state_dict(), model.state_dict()
    assert before.keys() == ours.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, before[name], rtol=1e-9, atol=1e-12, msg=name)


def normal(step: int, width: int) -> Tensor:
    return KeyedNoise(SEED, step, dtype=torch.float64).normal("prior", (EXAMPLES, width))


def test_the_plain_model_reconstructs_then_its_critic_steps_then_its_encoder() -> None:
    model = build("aae", latent_dim=2)
    hand, data = Hand(model), batches(1)
    untouched = copy.deepcopy(model)
    play(model)
    for number in range(ROUNDS):
        x = next(data).x
        hand.reconstruct(x, hand.encoder)
        hand.regularize(x, hand.encoder, 5.0 * normal(number, 2), {"z": slice(0, 2)})
    same(model, hand)
    assert not torch.equal(next(model.parameters()), next(untouched.parameters()))


def test_the_semi_supervised_model_regularizes_label_and_style_and_then_learns_from_labelled_examples() -> None:
    model = build("aae-semi", categories=CLASSES, style_dim=2, **{"encoder.input_noise": 0.0})
    hand, data, labelled = Hand(model), batches(1), batches(2)
    play(model)

    def code(x: Tensor) -> Tensor:
        statistics = hand.encoder(x)
        return torch.cat([torch.softmax(statistics[:, :CLASSES], dim=1), statistics[:, CLASSES:]], dim=1)

    latents = {"y": slice(0, CLASSES), "z": slice(CLASSES, CLASSES + 2)}
    for number in range(ROUNDS):
        x = next(data).x
        noise = KeyedNoise(SEED, 2 * number, dtype=torch.float64)  # the labelled mini-batch is the step between
        label = one_hot(noise.integers("prior:category", (EXAMPLES,), CLASSES), CLASSES).double()
        draws = torch.cat([label, noise.normal("prior", (EXAMPLES, 2))], dim=1)
        hand.reconstruct(x, code)
        hand.regularize(x, code, draws, latents)
        known = next(labelled)
        step(hand.to_supervise, cross_entropy(hand.encoder(known.x)[:, :CLASSES], cast(Tensor, known.y)))
    same(model, hand)


def test_a_critic_that_is_told_labels_sees_each_class_in_its_place_of_the_prior() -> None:
    model = build("aae-labelled", **{"prior.components": CLASSES})
    hand, data = Hand(model), batches(1, known=False)
    play(model, known=False)
    prior = cast(Any, model.parts["prior"])
    for number in range(ROUNDS):
        batch = next(data)
        y = cast(Tensor, batch.y)
        noise = KeyedNoise(SEED, number, dtype=torch.float64)
        component = torch.where(y < 0, noise.integers("prior(y):component", (EXAMPLES,), CLASSES), y)
        normal = noise.normal("prior(y)", (EXAMPLES, 2))
        angle = 2 * torch.pi * component.double() / CLASSES
        along, across = prior.radius + prior.long * normal[:, 0], prior.short * normal[:, 1]
        draws = torch.stack([along * angle.cos() - across * angle.sin(), along * angle.sin() + across * angle.cos()], 1)
        hand.reconstruct(batch.x, hand.encoder)
        hand.regularize(batch.x, hand.encoder, draws, {"z": slice(0, 2)}, torch.where(y < 0, CLASSES, y))
    same(model, hand)


def test_the_supervised_model_s_decoder_is_given_the_label() -> None:
    model = build("aae-supervised", latent_dim=2)
    hand, data = Hand(model), batches(1)
    play(model)
    for number in range(ROUNDS):
        batch = next(data)
        hand.reconstruct(batch.x, hand.encoder, batch.y)
        hand.regularize(batch.x, hand.encoder, normal(number, 2), {"z": slice(0, 2)})
    same(model, hand)


@pytest.mark.parametrize("posterior", ["gaussian", "implicit"])
def test_other_posteriors_regularize_the_drawn_code(posterior: str) -> None:
    model = build("aae", latent_dim=2, **{"encoder.posterior": posterior})
    hand, data = Hand(model), batches(1)
    play(model)
    for number in range(ROUNDS):
        noise = KeyedNoise(SEED, number, dtype=torch.float64)

        def code(x: Tensor, noise: KeyedNoise = noise) -> Tensor:
            if posterior == "implicit":
                return hand.encoder(torch.cat([x, noise.normal("z", (EXAMPLES, 1, 4, 4))], dim=1))
            mean, log_sigma = hand.encoder(x).chunk(2, dim=1)
            return mean + torch.exp(7 * torch.tanh(log_sigma / 7)) * noise.normal("z", (EXAMPLES, 2))

        x = next(data).x
        hand.reconstruct(x, code)
        hand.regularize(x, code, 5.0 * normal(number, 2), {"z": slice(0, 2)})
    same(model, hand)
