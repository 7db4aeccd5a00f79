"""Checks of an objective in games: its players, its turns, and whether training does any good."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.errors import SettingError
from zoo_core.game import Rules
from zoo_core.testing.games import OWN, Playground, playground
from zoo_core.testing.gradients import SEEDS
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject

ROUNDS = 200
PLAYED = 3


def check_default_players_are_sound(subject: Subject) -> None:
    """Each default player listens to declared losses and trains parts that those losses move."""
    objective = playground(subject).objective
    allowed = {*objective.needs, "self"}
    for name, player in objective.default_players.items():
        trains, losses = set(player.get("trains", ())), set(player.get("losses", ()))
        if not trains or not losses:
            raise CheckFailed(f"trains and losses of the player {name!r}", found=str(dict(player)))
        if trains - allowed:
            raise CheckFailed(
                f"the player {name!r} to train parts that the objective needs",
                found=", ".join(sorted(trains - allowed)),
                do=f"choose among {', '.join(sorted(allowed))}",
            )
        if losses - set(objective.losses):
            raise CheckFailed(
                f"the player {name!r} to listen to declared losses",
                found=", ".join(sorted(losses - set(objective.losses))),
                do=f"losses are {', '.join(objective.losses)}",
            )
        unmoved = trains & _unmoved(subject, losses)
        if unmoved:
            raise CheckFailed(
                f"the player {name!r} to train what its losses move",
                found=f"{', '.join(sorted(losses))} does not move {', '.join(sorted(unmoved))}",
                do="mind which player listens to which loss, and reaches",
            )
    try:
        playground(subject).rules()
    except SettingError as error:
        raise CheckFailed("players from which rules can be made", found=str(error)) from None


def _unmoved(subject: Subject, losses: set[str]) -> set[str]:
    """Parts (``self``: the objective) whose weights none of ``losses`` moves, in any of three seeds."""
    moved: set[str] = set()
    for seed in SEEDS:
        ground = playground(subject, seed=seed)
        moved |= ground.moved(losses, seed)
    return {*ground.parts, "self"} - moved


def check_plays_at_once(subject: Subject) -> None:
    """With all its losses in one turn, three rounds are played and every player moves its weights, which stay finite."""
    ground = playground(subject)
    if ground.objective.retained_values:
        return  # it asks for values of an earlier turn
    _play(ground, ground.at_once(), PLAYED)


def check_plays_in_turn(subject: Subject) -> None:
    """With a turn for each loss, three rounds are played and every player moves its weights, which stay finite."""
    ground = playground(subject)
    _play(ground, ground.in_turn(), PLAYED)


def _play(ground: Playground, rules: Rules, rounds: int) -> list[float]:
    """Sums of the terms of each round.

    Raises:
        CheckFailed: a player moved nothing, or something became NaN.
    """
    before = {name: [p.detach().clone() for p in module.parameters()] for name, module in ground.modules().items()}
    game = ground.game(rules)
    sums: list[Tensor] = []
    for _ in range(rounds):
        terms = game.play().terms
        sums.append(torch.stack([value.detach().float() for value in terms.values()]).sum())
    totals: list[float] = torch.stack(sums).tolist()
    if not all(total - total == 0 for total in totals):
        raise CheckFailed(
            "finite terms in every round", found="NaN or infinity", do="guard logarithms, divisions and roots"
        )
    for name, player in rules.players.items():
        still = [
            part
            for part in player.trains
            if part in before and _same(before[part], list(ground.modules()[part].parameters()))
        ]
        if still:
            raise CheckFailed(
                f"the player {name!r} to move {still[0] if still[0] != OWN else 'the objective’s own networks'}",
                found="the same weights after training",
                do="check that its losses have a gradient there",
            )
    return totals


def _same(before: list[Tensor], now: list[torch.nn.Parameter]) -> bool:
    trained = [(a, b) for a, b in zip(before, now, strict=True) if b.requires_grad]
    return bool(trained) and all(torch.equal(a, b) for a, b in trained)


def check_training_does_good(subject: Subject) -> None:
    """In 200 rounds on digits its terms fall; with the tag ``adversarial`` they stay finite and all players' weights move."""
    ground = playground(subject)
    totals = _play(ground, ground.in_turn(), ROUNDS)
    if subject.tags.adversarial:
        return
    tenth = ROUNDS // 10
    first, last = sum(totals[:tenth]) / tenth, sum(totals[-tenth:]) / tenth
    if not last < first:
        raise CheckFailed(
            f"terms that fall in {ROUNDS} rounds",
            found=f"{first:.4g} at the start, {last:.4g} at the end",
            do="mind the sign: losses are minimised; terms that need not fall have Tags(adversarial=True)",
        )
