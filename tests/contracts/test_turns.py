"""Turns, streams and gradients: who is differentiated when, on which batch, and who steps with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from zoo_core.errors import SettingError, ZooError
from zoo_core.game import Step
from zoo_core.interfaces import Objective, Term

from .games import dfm, gan, vae
from .objectives import ToyELBO, ToyReconstruction, negative_elbo
from .toys import ROUNDS, Batches, Table, ToyDecoder, ToyEncoder, adam, noise, player, same, table, turn, update


def encoder_and_decoder() -> Table:
    """A VAE of one-layer nets, for each test to give its own players and turns."""
    return table(11, lambda: Table({"encoder": ToyEncoder(), "decoder": ToyDecoder()}, {"elbo": ToyELBO()}, {}))


@pytest.mark.parametrize("at_once", [True, False])
def test_players_of_one_turn_step_at_once_and_of_two_turns_one_after_the_other(at_once: bool) -> None:
    made = encoder_and_decoder()
    players = {
        "first": player(["encoder"], ["fit"]),
        "second": player(["decoder"], ["again" if not at_once else "fit"]),
    }
    turns = [turn(["fit"], ["first", "second"])] if at_once else [turn(["fit"], ["first"]), turn(["again"], ["second"])]
    made.training = {"players": players, "turns": turns}
    if not at_once:
        made.objectives["again"] = Again()
    encoder, decoder = made.copies("encoder", "decoder")
    made.play()

    data, first, second = Batches(), adam(encoder), adam(decoder)
    for round in range(ROUNDS):
        x = data().x
        loss = negative_elbo(encoder, decoder, x, noise(round))
        if at_once:
            first.zero_grad()
            second.zero_grad()
            loss.backward()
            first.step()
            second.step()
        else:
            update(first, loss)
            update(second, negative_elbo(encoder, decoder, x, noise(round)))
    assert same(made, encoder=encoder, decoder=decoder)


class Again(ToyELBO):
    losses = ("again",)


def test_a_kept_gradient_waits_for_its_player_and_may_cross_into_the_next_round() -> None:
    """The decoder's turn comes before the loss that it listens to: it steps one round later, and not at all in the first."""
    made = encoder_and_decoder()
    made.objectives["reconstruction"] = Early()
    made.training = {
        "players": {"encoder": player(["encoder"], ["fit"]), "decoder": player(["decoder"], ["early", "fit"])},
        "turns": [turn(["early"], ["decoder"]), turn(["fit"], ["encoder"])],
    }
    encoder, decoder = made.copies("encoder", "decoder")
    made.play()

    data, encoding, decoding = Batches(), adam(encoder), adam(decoder)
    for round in range(ROUNDS):
        x = data().x
        z = encoder.posterior(x).rsample(noise(round), "z")
        (decoder.likelihood(z).mean - x).square().mean().backward(inputs=list(decoder.parameters()))
        decoding.step()  # with what the last round's fit left, too
        decoding.zero_grad()
        encoding.zero_grad()
        negative_elbo(encoder, decoder, x, noise(round)).backward()
        encoding.step()
    assert same(made, encoder=encoder, decoder=decoder)


class Early(ToyReconstruction):
    losses = ("early",)


def test_a_turn_on_another_stream_makes_values_of_the_first_stream_stale_too() -> None:
    """z of the main batch is asked for before and after a turn on another stream has moved the encoder."""
    made = encoder_and_decoder()
    made.objectives = {"elbo": ToyELBO(), "labelled": Early(), "again": Again()}
    made.training = {
        "players": {
            "decoder": player(["decoder"], ["fit"]),
            "encoder": player(["encoder"], ["early"]),
            "both": player(["encoder", "decoder"], ["again"]),
        },
        "turns": [
            turn(["fit"], ["decoder"]),
            turn(["early"], ["encoder"], stream="other", batches=2),
            turn(["again"], ["both"]),
        ],
    }
    encoder, decoder = made.copies("encoder", "decoder")
    made.play()

    data, draws = Batches(), iter(range(100))
    decoding, encoding, both = adam(decoder), adam(encoder), adam(encoder, decoder)
    for _ in range(ROUNDS):
        x, drawn = data().x, noise(next(draws))
        update(decoding, negative_elbo(encoder, decoder, x, drawn))
        for _ in range(2):
            other, z_noise = data("other").x, noise(next(draws))
            z = encoder.posterior(other).rsample(z_noise, "z")
            update(encoding, (decoder.likelihood(z).mean - other).square().mean())
        update(both, negative_elbo(encoder, decoder, x, drawn))
    assert same(made, encoder=encoder, decoder=decoder)


def test_batches_of_a_turn_are_fresh_and_a_round_counts_the_examples_of_all() -> None:
    data = Batches()
    game = gan(batches=3).game(next_batch=data)
    played = [game.play() for _ in range(2)]
    assert data.given == {"main": 5} and game.steps_drawn == 6
    assert [round.examples for round in played] == [24, 24] and [round.index for round in played] == [0, 1]


def test_a_rounds_terms_are_means_over_its_batches_under_objective_and_term() -> None:
    made = gan(batches=2)
    critic, generator = made.copies("discriminator", "decoder")
    first = made.game().play()

    values, data, optimizer = [], Batches(), adam(critic)
    for index in range(2):
        x = data().x
        fake = generator.likelihood(noise(index).normal("prior", (8, 2))).mean.detach()
        values.append(critic(fake).mean() - critic(x).mean())
        update(optimizer, values[-1])
    assert set(first.terms) == {"gan.critic", "gan.generator"}
    assert torch.equal(first.terms["gan.critic"], torch.stack(values).mean())


def test_no_gradient_is_left_in_grad() -> None:
    made = dfm()
    made.play(2)
    assert all(weight.grad is None for module in made.modules.values() for weight in module.parameters())


def test_gradients_of_a_batch_cut_into_pieces_equal_those_of_the_whole() -> None:
    """The mean of means is added up in another order, so equal up to rounding only; the noise is that of the whole batch."""
    whole, pieces = vae(), vae()
    whole.play()
    pieces.play(accumulate=4)
    for name, expected in whole.state().items():
        torch.testing.assert_close(pieces.state()[name], expected, rtol=0, atol=1e-12)


def test_a_batch_that_cannot_be_cut_is_refused() -> None:
    with pytest.raises(SettingError, match="a batch of 8 cannot be cut into 3 equal pieces"):
        vae().play(1, accumulate=3)


class Detached(Objective):
    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        yield Term("nothing", step.reconstruction().detach().mean())


def test_a_loss_without_a_gradient_is_refused_by_name() -> None:
    made = vae()
    made.objectives = {"detached": Detached()}
    with pytest.raises(ZooError, match="the loss 'fit' has no gradient"):
        made.play(1)


class Astray(Objective):
    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        yield Term("square", step.reconstruction().square().mean(), grad_parts=frozenset({"decodr"}))


def test_a_term_that_reaches_an_unknown_part_is_refused_with_a_suggestion() -> None:
    made = vae()
    made.objectives = {"astray": Astray()}
    with pytest.raises(SettingError, match=r"reaches 'decodr'.*did you mean \"decoder\""):
        made.play(1)
