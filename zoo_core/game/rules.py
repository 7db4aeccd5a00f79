"""Rules: which turns a round has, which players there are, what they train and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Ge, Gt, Lt

from zoo_core.errors import SettingError, did_you_mean
from zoo_core.game.schedules import Schedule
from zoo_core.interfaces.objective import Objective
from zoo_core.parameters import check

Positive: TypeAlias = Annotated[float, Gt(0)]
NonNegative: TypeAlias = Annotated[float, Ge(0)]
Fraction: TypeAlias = Annotated[float, Ge(0), Lt(1)]


@dataclass(frozen=True, kw_only=True)
class PlayerRules:
    """One player: an optimizer over the weights of some parts.

    Arguments:
        trains: parts (and objectives, for the networks they own) whose weights it moves.
        losses: the losses it listens to.
        optimizer: a torch.optim class, by name.
        lr: learning rate at factor 1 of the schedule.
        betas, eps: of Adam and AdamW; ``eps`` of RMSprop too.
        momentum, nesterov: of SGD; ``momentum`` of RMSprop too.
        alpha: smoothing of RMSprop.
        weight_decay: L2 (decoupled with AdamW).
        schedule: learning-rate factor over training; see :class:`zoo_core.game.schedules.Schedule`.
        clip: largest global norm of the player's gradient; None does not clip.
        constraint: each weight is held within ±constraint right after the player's step (weight clipping of WGAN).
        ema: decay of an exponential moving average of the weights, which is what is then measured and saved.
    """

    trains: tuple[str, ...]
    losses: tuple[str, ...]
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    lr: Positive = 1e-3
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    eps: Positive = 1e-8
    momentum: Fraction = 0.0
    nesterov: bool = False
    alpha: Fraction = 0.99
    weight_decay: NonNegative = 0.0
    schedule: Schedule = field(default_factory=Schedule)
    clip: Positive | None = None
    constraint: Positive | None = None
    ema: Fraction | None = None


@dataclass(frozen=True, kw_only=True)
class TurnRules:
    """One turn: all its gradients are taken at the same parameters, then its players step.

    Arguments:
        losses: asked for in this turn.
        players: those who step at its end. Others that listen keep their gradient until their own turn.
        batches: how often it is played; more than once, each time on a fresh batch.
        stream: the data stream its batch comes from.
    """

    losses: tuple[str, ...]
    players: tuple[str, ...]
    batches: Annotated[int, Ge(1)] = 1
    stream: str = "main"


@dataclass(frozen=True)
class Rules:
    """The turns of a round, and the players by name."""

    turns: tuple[TurnRules, ...]
    players: Mapping[str, PlayerRules]

    def listeners(self, loss: str) -> list[str]:
        """Names of the players that listen to ``loss``."""
        return [name for name, player in self.players.items() if loss in player.losses]


def rules_for(objectives: Mapping[str, Objective], parts: frozenset[str], training: Mapping[str, Any]) -> Rules:
    """The rules of a model, from the recipe's ``turns`` and ``players`` and what its objectives bring along.

    A loss that an objective declares and nobody listens to gets that objective's default players, each with a turn of
    its own after the recipe's. A player that is left with no loss that any objective declares is dropped, and so is its
    turn: that is what swapping an objective for another means. Networks that an objective owns are trained by whoever
    names the objective, else by the first listener of its ``own_loss``.

    Arguments:
        objectives: by name.
        parts: names of the parts that may be trained.
        training: tables ``players`` (name to settings) and ``turns`` (list of tables), both optional.

    Raises:
        SettingError: unknown keys or names, wrong values, a player that trains what is not there.
    """
    declared = {loss for objective in objectives.values() for loss in objective.losses}
    players = {name: dict(settings) for name, settings in training.get("players", {}).items()}
    turns = [dict(turn) for turn in training.get("turns", [])]
    kept = {name: settings for name, settings in players.items() if declared & set(settings.get("losses", ()))}
    heard = {loss for settings in kept.values() for loss in settings["losses"]}
    for own, objective in objectives.items():
        missing = [loss for loss in objective.losses if loss not in heard]
        for name, default in objective.default_players.items():
            if not set(default["losses"]) & set(missing):
                continue
            unique = name if name not in players and name not in kept else f"{own}-{name}"
            edited = {**default, **players.get(unique, {})}
            edited["trains"] = tuple(own if part == "self" else part for part in edited["trains"])
            kept[unique] = edited
            heard |= set(edited["losses"])
            if not any(unique in turn["players"] for turn in turns):
                turns.append(
                    {"losses": tuple(loss for loss in edited["losses"] if loss in declared), "players": (unique,)}
                )
    checked = {name: _player(name, settings, declared) for name, settings in kept.items()}
    checked = _claim_owned(objectives, checked)
    checked_turns = [_turn(i, turn, checked, declared) for i, turn in enumerate(turns)]
    checked_turns = [turn for turn in checked_turns if turn.losses and turn.players]
    if "turns" not in training and not checked_turns:
        checked_turns = [TurnRules(losses=tuple(sorted(declared)), players=tuple(checked))]
    rules = Rules(tuple(checked_turns), checked)
    _complete(rules, objectives, declared, parts)
    return rules


def _player(name: str, settings: Mapping[str, Any], declared: set[str]) -> PlayerRules:
    where = f"training.players.{name}"
    values = check(PlayerRules, {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}, where)
    values["losses"] = tuple(loss for loss in values["losses"] if loss in declared)
    return PlayerRules(**values)


def _turn(index: int, turn: Mapping[str, Any], players: Mapping[str, PlayerRules], declared: set[str]) -> TurnRules:
    where = f"training.turns[{index}]"
    values = check(TurnRules, {k: list(v) if isinstance(v, tuple) else v for k, v in turn.items()}, where)
    values["players"] = tuple(player for player in values["players"] if player in players)
    values["losses"] = tuple(loss for loss in values["losses"] if loss in declared)
    return TurnRules(**values)


def _claim_owned(objectives: Mapping[str, Objective], players: dict[str, PlayerRules]) -> dict[str, PlayerRules]:
    claimed = dict(players)
    for own, objective in objectives.items():
        if not any(True for _ in objective.parameters()) or any(own in player.trains for player in claimed.values()):
            continue
        loss = objective.own_loss or objective.losses[0]
        first = next((name for name, player in claimed.items() if loss in player.losses), None)
        if first is not None:
            player = claimed[first]
            claimed[first] = PlayerRules(**{**vars(player), "trains": (*player.trains, own)})
    return claimed


def _complete(rules: Rules, objectives: Mapping[str, Objective], declared: set[str], parts: frozenset[str]) -> None:
    """Refuse rules under which something could never be learned."""
    known = parts | set(objectives)
    for name, player in rules.players.items():
        for part in player.trains:
            if part not in known:
                raise SettingError(
                    f"player {name!r} trains {part!r}, which is no trainable part of this model",
                    hint=did_you_mean(part, known) or f"its trainable parts are {', '.join(sorted(known))}",
                )
    for loss in sorted(declared):
        owners = ", ".join(name for name, objective in objectives.items() if loss in objective.losses)
        if not rules.listeners(loss):
            raise SettingError(
                f"nobody listens to the loss {loss!r} (of {owners})",
                hint=f"give a player losses that hold it, e.g. training.players.NAME.losses='[\"{loss}\"]'",
            )
        if not any(loss in turn.losses for turn in rules.turns):
            raise SettingError(f"the loss {loss!r} (of {owners}) has no turn", hint="name it in training.turns")
    for name in rules.players:
        if not any(name in turn.players for turn in rules.turns):
            raise SettingError(f"player {name!r} never steps", hint="name it in the players of one of training.turns")
