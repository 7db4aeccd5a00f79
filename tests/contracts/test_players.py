"""A player: its optimizer, schedule, clipping, constraint, average, and what it takes to resume it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo_core.errors import SettingError
from zoo_core.game.schedules import Schedule

from .games import GAMES, gan, vae
from .objectives import negative_elbo
from .toys import ROUNDS, Batches, Table, ToyPrior, noise, player, same, turn


def both(encoder: nn.Module, decoder: nn.Module) -> list[Tensor]:
    return [*encoder.parameters(), *decoder.parameters()]


OPTIMIZERS: Mapping[str, tuple[dict[str, Any], Any]] = {
    "adam": (
        {"betas": [0.5, 0.9], "eps": 1e-6, "weight_decay": 0.01},
        lambda w: torch.optim.Adam(w, lr=0.05, betas=(0.5, 0.9), eps=1e-6, weight_decay=0.01, fused=True),
    ),
    "adamw": ({"weight_decay": 0.1}, lambda w: torch.optim.AdamW(w, lr=0.05, weight_decay=0.1, fused=True)),
    "sgd": (
        {"momentum": 0.9, "nesterov": True},
        lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9, nesterov=True, fused=True),
    ),
    "rmsprop": ({"alpha": 0.9, "momentum": 0.5}, lambda w: torch.optim.RMSprop(w, lr=0.05, alpha=0.9, momentum=0.5)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_are_torchs_with_the_rules_arguments(name: str) -> None:
    settings, make = OPTIMIZERS[name]
    table = vae(optimizer=name, **settings)
    encoder, decoder = table.copies("encoder", "decoder")
    table.play()

    data, optimizer = Batches(), make(both(encoder, decoder))
    for round in range(ROUNDS):
        optimizer.zero_grad()
        negative_elbo(encoder, decoder, data().x, noise(round)).backward()
        optimizer.step()
    assert same(table, encoder=encoder, decoder=decoder)


@pytest.mark.parametrize("largest", [0.5, 1e6])
def test_clipping_holds_the_norm_over_all_of_a_players_gradients(largest: float) -> None:
    table = vae(clip=largest, optimizer="sgd")
    encoder, decoder = table.copies("encoder", "decoder")
    table.play()

    data, weights = Batches(), both(encoder, decoder)
    optimizer = torch.optim.SGD(weights, lr=0.05, fused=True)
    for round in range(ROUNDS):
        optimizer.zero_grad()
        negative_elbo(encoder, decoder, data().x, noise(round)).backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, largest)
        assert norm > 0.5
        optimizer.step()
    assert same(table, encoder=encoder, decoder=decoder)


def test_a_schedule_multiplies_the_learning_rate_of_each_round() -> None:
    table = vae(schedule={"name": "linear", "final": 0.1})
    encoder, decoder = table.copies("encoder", "decoder")
    table.play(progress=lambda round: (round / 2, ROUNDS / 2))

    data, optimizer = Batches(), torch.optim.Adam(both(encoder, decoder), lr=0.05, fused=True)
    for round in range(ROUNDS):
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * (1 - 0.9 * round / ROUNDS)
        optimizer.zero_grad()
        negative_elbo(encoder, decoder, data().x, noise(round)).backward()
        optimizer.step()
    for left, right in zip(table.copies("encoder", "decoder"), (encoder, decoder)):
        for mine, theirs in zip(left.parameters(), right.parameters()):
            # The factor is computed as 1 + (0.1 − 1)·t, whose last bit may differ.
            torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(), [1, 1, 1, 1, 1]),
        (Schedule(name="steps", milestones=(1, 3), gamma=0.1), [1, 0.1, 0.1, 0.01, 0.01]),
        (Schedule(name="exponential", gamma=0.5), [1, 0.5, 0.25, 0.125, 0.0625]),
        (Schedule(name="linear", final=0.2), [1, 0.8, 0.6, 0.4, 0.2]),
        (Schedule(name="cosine"), [1, 0.8535533905932737, 0.5, 0.14644660940672627, 0]),
        (Schedule(warmup=2), [0, 0.5, 1, 1, 1]),
    ],
)
def test_schedules_at_whole_epochs_of_four(schedule: Schedule, expected: list[float]) -> None:
    assert [schedule.factor(epoch, 4) for epoch in range(5)] == pytest.approx(expected, abs=1e-9)


def test_a_constraint_holds_each_weight_right_after_its_players_step() -> None:
    """The generator of the same round already sees the clipped critic; nobody else's weights are held."""
    table = gan(constraint=0.01)
    table.play(1)
    assert all(weight.abs().max() <= 0.01 for weight in table.parts["discriminator"].parameters())
    assert max(weight.abs().max() for weight in table.parts["decoder"].parameters()) > 0.01


def test_the_average_is_exponential_and_swapped_in_and_out() -> None:
    table = vae(ema=0.9)
    game = table.game()
    (mine,) = game.players.values()
    expected = [weight.detach().clone() for weight in mine.parameters]
    for _ in range(ROUNDS):
        game.play()
        expected = [torch.lerp(mean, weight.detach(), 1 - 0.9) for mean, weight in zip(expected, mine.parameters)]
    raw = {name: tensor.clone() for name, tensor in table.state().items()}
    with game.averages.in_model():
        assert all(torch.equal(weight, mean) for weight, mean in zip(mine.parameters, expected))
    assert all(torch.equal(tensor, raw[name]) for name, tensor in table.state().items())
    with pytest.raises(ZeroDivisionError), game.averages.in_model():
        raise ZeroDivisionError
    assert all(torch.equal(tensor, raw[name]) for name, tensor in table.state().items()), (
        "also when something fails inside"
    )


def test_a_weight_that_two_players_average_has_one_average_which_moves_after_each_ones_step() -> None:
    table = vae_of_two(0.9, 0.5)
    encoder, decoder = table.copies("encoder", "decoder")
    game = table.game()
    for _ in range(ROUNDS):
        game.play()

    weights = both(encoder, decoder)
    average = {weight: weight.detach().clone() for weight in weights}
    players = [(weights, 0.9), (list(encoder.parameters()), 0.5)]
    optimizers = [torch.optim.Adam(trained, lr=0.05, fused=True) for trained, _ in players]
    waiting = [[torch.zeros_like(weight) for weight in trained] for trained, _ in players]
    data = Batches()
    for round in range(ROUNDS):
        x = data().x
        for number, (trained, decay) in enumerate(players):
            # Both listen to the loss of either turn: what it gives to the one whose turn it is not waits.
            gradients = torch.autograd.grad(negative_elbo(encoder, decoder, x, noise(round)), weights)
            waiting = [[old + new for old, new in zip(own, gradients)] for own in waiting]
            for weight, gradient in zip(trained, waiting[number]):
                weight.grad = gradient
            optimizers[number].step()
            waiting[number] = [torch.zeros_like(weight) for weight in trained]
            for weight in trained:
                average[weight] = torch.lerp(average[weight], weight.detach(), 1 - decay)
    assert same(table, encoder=encoder, decoder=decoder)
    with game.averages.in_model():
        assert all(torch.equal(mine, average[weight]) for mine, weight in zip(game.players["both"].parameters, weights))
    assert same(table, encoder=encoder, decoder=decoder), "and the trained weights are back"


@pytest.mark.parametrize("decays", [(0.9, None), (None, 0.5), (0.9, 0.5), (0.5, 0.5)])
def test_averaging_never_touches_the_trained_weights(decays: tuple[float | None, float | None]) -> None:
    plain, averaged = vae_of_two(None, None), vae_of_two(*decays)
    plain.play()
    game = averaged.game()
    for _ in range(ROUNDS):
        game.play()
        with game.averages.in_model(), game.averages.in_model():
            pass
    assert all(torch.equal(tensor, averaged.state()[name]) for name, tensor in plain.state().items())


def vae_of_two(first: float | None, second: float | None) -> Table:
    """Both parts are trained by one player, then the encoder by another; each averages with its decay."""
    table = vae()
    players = {
        "both": player(["encoder", "decoder"], ["fit"], ema=first),
        "encoder": player(["encoder"], ["fit"], ema=second),
    }
    table.training = {"players": players, "turns": [turn(["fit"], ["both"]), turn(["fit"], ["encoder"])]}
    return table


@pytest.mark.parametrize("name", GAMES)
def test_a_restored_player_goes_on_as_if_nothing_had_happened(name: str) -> None:
    assert continues_alike(GAMES[name]())


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop"])
def test_a_restored_player_goes_on_with_every_optimizer_and_its_average(optimizer: str) -> None:
    momentum = {} if optimizer == "adamw" else {"momentum": 0.9}
    assert continues_alike(
        vae(optimizer=optimizer, ema=0.9, schedule={"name": "exponential", "gamma": 0.5}, **momentum)
    )


def test_a_gradient_that_waits_for_its_player_is_part_of_the_state() -> None:
    """The decoder's turn comes first: it steps with what the round before left."""
    table = vae()
    players = {"encoder": player(["encoder"], ["fit"]), "decoder": player(["decoder"], ["fit"])}
    table.training = {"players": players, "turns": [turn([], ["decoder"]), turn(["fit"], ["encoder"])]}
    game = table.copy().game()
    game.play()
    assert any(key.startswith("gradient.") for key in game.players["decoder"].state()[0])
    assert continues_alike(table)


def test_a_restored_player_goes_on_with_an_average_that_it_shares() -> None:
    assert continues_alike(vae_of_two(0.9, 0.5))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    "damage", ["short", "wide", "missing", "unexpected", "beyond", "gradient", "average", "numbers"]
)
def test_what_is_no_state_of_a_player_is_refused_before_anything_is_taken_over(optimizer: str, damage: str) -> None:
    settings, _ = OPTIMIZERS[optimizer]
    table = vae(optimizer=optimizer, ema=0.9, **settings)
    game = table.game()
    game.play()
    (mine,) = game.players.values()
    tensors, scalars = copy.deepcopy(mine.state())
    moment = next(name for name in tensors if name.startswith("optimizer.0.") and tensors[name].dim())
    match damage:
        case "short":
            tensors[moment] = tensors[moment].reshape(-1)[:1].clone()
        case "wide":
            tensors[moment] = tensors[moment].to(torch.int64)
        case "missing":
            del tensors[moment]
            tensors["optimizer.0.other"] = torch.zeros(())
        case "unexpected":
            tensors["optimizer.0.other"] = torch.zeros(())
        case "beyond":
            tensors["optimizer.999.step"] = torch.zeros(())
        case "gradient":
            tensors["gradient.0"] = torch.zeros(1)
        case "average":
            del tensors["average.1"]
        case "numbers":
            scalars["optimizer"] = {"0": {"step": 3}}
    before = copy.deepcopy(mine.state())
    with pytest.raises(ValueError, match="player"):
        mine.restore(tensors, scalars)
    after = mine.state()
    assert all(torch.equal(tensor, after[0][name]) for name, tensor in before[0].items())


def four_epochs(round: int) -> tuple[float, float]:
    return float(round), 4.0


def continues_alike(table: Table) -> bool:
    """Play two rounds, carry weights and players' states over to a fresh table, play two more at both."""
    data = Batches()
    fresh, game = table.copy(), table.game(next_batch=data, progress=four_epochs)
    game.play(), game.play()
    state = {name: copy.deepcopy(one.state()) for name, one in game.players.items()}
    for name, module in fresh.modules.items():
        module.load_state_dict(table.modules[name].state_dict())
    later = Batches()
    later.given = dict(data.given)
    resumed = fresh.game(next_batch=later, progress=four_epochs)
    for name, one in resumed.players.items():
        one.restore(*state[name])
    resumed.round, resumed.steps_drawn = game.round, game.steps_drawn
    for _ in range(2):
        game.play(), resumed.play()
    averages = [one.state()[0] for one in game.players.values()], [one.state()[0] for one in resumed.players.values()]
    alike = all(torch.equal(tensor, fresh.state()[name]) for name, tensor in table.state().items())
    return alike and all(torch.equal(left[key], right[key]) for left, right in zip(*averages) for key in left)


def test_a_player_of_parts_without_weights_is_refused() -> None:
    table = vae()
    table.parts["prior"] = ToyPrior()
    table.training = {
        "players": {"autoencoder": player(["encoder", "decoder"], ["fit"]), "idle": player(["prior"], ["fit"])}
    }
    with pytest.raises(SettingError, match="'idle' trains prior, which has no trainable weights"):
        table.game()
