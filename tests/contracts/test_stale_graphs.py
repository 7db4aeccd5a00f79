"""Graphs whose weights have stepped: autograd notices whatever the optimizer, and the zoo says whose weights they were."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, relu

from zoo_core.errors import SettingError
from zoo_core.game import Step
from zoo_core.interfaces import Objective, Term

from .games import introvac, vae
from .objectives import ToyELBO, ToyReconstruction, kl
from .test_players import OPTIMIZERS
from .toys import ROUNDS, Batches, Table, noise, player, same, turn

optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS)


def in_two_turns(objective: Objective, **settings: Any) -> Table:
    """Encoder and decoder step after ``fit``; then a player of the encoder steps down ``again``, which ``objective`` brings."""
    made = vae()
    made.objectives = {"reconstruction": ToyReconstruction(), "again": objective}
    made.training = {
        "players": {
            "autoencoder": player(["encoder", "decoder"], ["fit"], **settings),
            "second": player(["encoder"], ["again"]),
        },
        "turns": [turn(["fit"], ["autoencoder"]), turn(["again"], ["second"])],
    }
    return made


class LooksBack(Objective):
    """Goes back through pictures that were decoded before the decoder has stepped."""

    losses = ("again",)
    retained_values = frozenset({"reconstruction"})

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        yield Term("square", step.as_of_turn(0, "reconstruction").square().mean())


class KeepsItself(ToyELBO):
    """Differentiates, in its own terms, pictures that it has kept since the first turn."""

    losses = ("fit", "again")

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        if loss == "fit":
            self.kept = step.z(), step.reconstruction()
            yield from super().terms(loss, step)
        else:
            z, image = self.kept
            (slope,) = torch.autograd.grad(image.sum(), z, create_graph=True)
            yield Term("slope", slope.square().mean())


class WritesOver(Objective):
    """Spoils its own graph, which is no player's doing."""

    losses = ("again",)

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        squashed = step.reconstruction().tanh()
        value = squashed.square().mean()
        squashed.detach().mul_(2)
        yield Term("square", value)


@optimizers
@pytest.mark.parametrize("constraint", [None, 0.5])
def test_a_loss_through_weights_that_have_stepped_is_refused(optimizer: str, constraint: float | None) -> None:
    made = in_two_turns(LooksBack(), optimizer=optimizer, constraint=constraint, **OPTIMIZERS[optimizer][0])
    with pytest.raises(
        SettingError, match=r'the loss "again" goes back through weights of .*decoder that player "autoencoder"'
    ) as told:
        made.play(1)
    assert "training.turns" in told.value.hint
    assert told.value.fields == {"loss": "again", "parts": ["encoder", "decoder"], "players": ["autoencoder"]}


def test_only_the_part_that_has_stepped_and_its_player_are_named() -> None:
    made = in_two_turns(LooksBack())
    made.training["players"]["autoencoder"]["trains"] = ["decoder"]
    with pytest.raises(SettingError) as told:
        made.play(1)
    assert told.value.fields == {"loss": "again", "parts": ["decoder"], "players": ["autoencoder"]}


def test_compiled_parts_are_told_apart_too(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.compiler.reset()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    refused, kept = in_two_turns(LooksBack()), introvac()
    for part in (*refused.parts.values(), *kept.parts.values()):
        part.compile()
    with pytest.raises(SettingError, match=r'the loss "again" goes back through weights of .*decoder'):
        refused.play(1)
    kept.play(1)


def test_an_objective_that_differentiates_by_itself_is_refused_too() -> None:
    made = in_two_turns(KeepsItself())
    del made.objectives["reconstruction"]
    with pytest.raises(SettingError, match='the loss "again" goes back through weights of encoder, decoder'):
        made.play(1)


def test_an_objective_that_spoils_its_own_graph_is_not_taken_for_a_step() -> None:
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        in_two_turns(WritesOver()).play(1)


def test_weights_that_got_no_gradient_are_not_taken_for_changed() -> None:
    """The player trains the decoder too, but its loss only reaches the encoder: the decoder's graph is as good as before."""
    made = in_two_turns(LooksBack())
    made.objectives["reconstruction"] = OnlyPosterior()
    made.training["players"]["second"]["trains"] = ["decoder"]
    made.play(2)


class OnlyPosterior(ToyELBO):
    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        step.reconstruction()
        yield Term("kl", kl(step.posterior()))


@optimizers
def test_what_looks_back_on_purpose_equals_the_loop_written_by_hand(optimizer: str) -> None:
    """The decoder has not stepped: its graph of the first turn is still good, whoever has moved the encoder and how."""
    settings, make = OPTIMIZERS[optimizer]
    table = introvac()
    for one in table.training["players"].values():
        one |= {"optimizer": optimizer, **settings}
    encoder, decoder, own = table.copies("encoder", "decoder", "introvac")
    table.play()

    data: Any = Batches()
    encoding, decoding = make([*encoder.parameters(), *own.parameters()]), make(list(decoder.parameters()))
    for round in range(ROUNDS):
        batch = data()
        target = (batch.y == 0).double()

        def class_loss(z: Tensor, target: Tensor = target) -> Tensor:
            return binary_cross_entropy_with_logits(own.classifier(z)[:, 0], target)

        q = encoder.posterior(batch.x)
        z = q.rsample(noise(round), "z")
        image = decoder.likelihood(z).mean
        fit = 3.0 * (image - batch.x).abs().mean() + class_loss(z) + 0.5 * kl(q)
        fit = fit + 0.25 * relu(2.0 - kl(encoder.posterior(image.detach())))
        encoding.zero_grad()
        decoding.zero_grad()
        fit.backward(retain_graph=True)
        encoding.step()

        again = encoder.posterior(image)
        (0.25 * kl(again) + class_loss(again.mean)).backward(inputs=list(decoder.parameters()))
        decoding.step()
    assert same(table, encoder=encoder, decoder=decoder, introvac=own)
