"""Rules: which turns a round has, which players there are, what they train and how."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Ge, Gt, Lt

from zoo_core.errors import SettingError, did_you_mean, shown
from zoo_core.game.schedules import Schedule
from zoo_core.interfaces.objective import Objective
from zoo_core.registry.parameter import check

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
        ema: decay of an exponential moving average of the weights, which is what is then measured and saved. It moves after each of the
            player's steps. A weight has one average: where several players with ``ema`` train it, it moves after the steps of each, by
            that player's decay; steps of players without ``ema`` move the weight alone.
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
    its own after the recipe's; where others listen, a default player trains what none of them does, in their turn. A
    recipe's player without ``losses`` edits the default player of its name. A player that is left with no loss that any
    objective declares is dropped, and so is its turn: that is what swapping an objective for another means. Networks
    that an objective owns are trained by whoever names the objective, else by the first listener of its ``trained_by``.

    Arguments:
        objectives: by name.
        parts: names of the parts that may be trained.
        training: tables ``players`` (name to settings) and ``turns`` (list of tables), both optional.

    Raises:
        SettingError: unknown keys or names, wrong values, a player that trains what is not there or never steps, a loss
            that nobody listens to or that has no turn.
    """
    declared = list(dict.fromkeys(loss for objective in objectives.values() for loss in objective.losses))
    given = training.get("players", {})
    edits = {name: settings for name, settings in given.items() if "losses" not in settings}
    players = {name: _player(name, settings, declared) for name, settings in given.items() if name not in edits}
    players = {name: player for name, player in players.items() if player.losses}
    turns = [_checked_turn(i, turn) for i, turn in enumerate(training.get("turns", []))]
    if not turns:
        heard = _heard(players)
        turns = [{"losses": [loss for loss in declared if loss in heard], "players": list(players)}]
    for own, objective in objectives.items():
        missing = set(objective.losses) - _heard(players)
        for name, default in objective.default_players.items():
            trains = _left_to(default, own, missing, players, parts)
            if trains is None:
                continue
            unique = name if name not in players else f"{own}-{name}"
            own_turn = {key: default[key] for key in ("stream", "batches") if key in default}
            plain = {key: value for key, value in default.items() if key not in own_turn}
            settings = {**plain, "trains": trains, **edits.get(unique, {})}
            players[unique] = _player(unique, settings, declared, own)
            turns = _with_place_for(unique, players[unique], own_turn, turns)
    _refuse_unused(edits, players)
    players = _claim_owned(objectives, players)
    rules = Rules(_stepping([_turn(turn, players, declared) for turn in turns]), players)
    _complete(rules, objectives, declared, parts)
    return rules


def check_tables(training: Mapping[str, Any]) -> None:
    """Hold the tables ``players`` and ``turns`` against what they may say, before there are any objectives.

    Raises:
        SettingError: an unknown key or a wrong value.
    """
    for name, settings in training.get("players", {}).items():
        check(PlayerRules, _listed(settings), f"training.players.{name}", partly=True)
    for index, turn in enumerate(training.get("turns", [])):
        _checked_turn(index, turn)


def _heard(players: Mapping[str, PlayerRules]) -> set[str]:
    """The losses that somebody listens to."""
    return {loss for player in players.values() for loss in player.losses}


def _left_to(
    default: Mapping[str, Any],
    own: str,
    missing: Collection[str],
    players: Mapping[str, PlayerRules],
    parts: frozenset[str],
) -> tuple[str, ...] | None:
    """What a default player of the objective ``own`` trains: all that it names where it listens to a loss that is ``missing``, else
    what none of the listeners to its losses does; None where that is nothing."""
    trains = tuple(own if part == "self" else part for part in default["trains"])
    losses = set(default["losses"])
    if losses & set(missing):
        return trains
    # All its losses are heard, perhaps by another objective's players, who train what that one needs.
    trained = {part for player in players.values() if set(player.losses) & losses for part in player.trains}
    return tuple(part for part in trains if part not in trained and (part in parts or part == own)) or None


def _with_place_for(
    name: str, player: PlayerRules, own_turn: Mapping[str, Any], turns: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """``turns`` with one in which the default player ``name`` steps: that which names it, else one of its own for its losses that
    are not played yet, set as in ``own_turn``, else the last that plays one of its losses."""
    if any(name in turn.get("players", ()) for turn in turns):
        return turns
    played = {loss for turn in turns for loss in turn.get("losses", ())}
    if own_losses := [loss for loss in player.losses if loss not in played]:
        return [*turns, _checked_turn(len(turns), {"losses": own_losses, "players": [name], **own_turn})]
    last = max(i for i, turn in enumerate(turns) if set(turn.get("losses", ())) & set(player.losses))
    joined = {**turns[last], "players": [*turns[last].get("players", ()), name]}
    return [*turns[:last], joined, *turns[last + 1 :]]


def _refuse_unused(edits: Collection[str], players: Collection[str]) -> None:
    """Refuse settings of a default player that no objective has brought."""
    for name in edits:
        if name not in players:
            raise SettingError(
                f"training.players.{shown(name)} names no losses, and no objective brings a player of that name",
                hint=did_you_mean(name, players) or "give it losses and trains",
            )


def _stepping(turns: list[TurnRules]) -> tuple[TurnRules, ...]:
    """The turns in which something happens: losses are played, or a player that steps nowhere else uses up its gradient."""
    elsewhere = {player for turn in turns if turn.losses for player in turn.players}
    return tuple(turn for turn in turns if turn.players and (turn.losses or set(turn.players) - elsewhere))


def _player(name: str, settings: Mapping[str, Any], declared: Collection[str], own: str = "self") -> PlayerRules:
    """One player; ``self`` among what it trains is the objective ``own``, whose default it is."""
    where = f"training.players.{name}"
    values = check(PlayerRules, _listed(settings), where)
    values["trains"] = tuple(own if part == "self" else part for part in values["trains"])
    values["losses"] = tuple(loss for loss in values["losses"] if loss in declared)
    return PlayerRules(**values)


def _checked_turn(index: int, turn: Mapping[str, Any]) -> dict[str, Any]:
    return check(TurnRules, _listed(turn), f"training.turns[{index}]")


def _listed(table: Mapping[str, Any]) -> dict[str, Any]:
    """``table`` with lists in the place of tuples, as JSON has it."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in table.items()}


def _turn(turn: Mapping[str, Any], players: Mapping[str, PlayerRules], declared: Collection[str]) -> TurnRules:
    """A checked turn, without the players and losses that this model does not have."""
    own_players = tuple(player for player in turn["players"] if player in players)
    own_losses = tuple(loss for loss in turn["losses"] if loss in declared)
    return TurnRules(**{**turn, "players": own_players, "losses": own_losses})


def _claim_owned(objectives: Mapping[str, Objective], players: dict[str, PlayerRules]) -> dict[str, PlayerRules]:
    claimed = dict(players)
    for own, objective in objectives.items():
        if not any(True for _ in objective.parameters()) or any(own in player.trains for player in claimed.values()):
            continue
        loss = objective.trained_by or objective.losses[0]
        first = next((name for name, player in claimed.items() if loss in player.losses), None)
        if first is not None:
            player = claimed[first]
            claimed[first] = PlayerRules(**{**vars(player), "trains": (*player.trains, own)})
    return claimed


def _complete(
    rules: Rules, objectives: Mapping[str, Objective], declared: Collection[str], parts: frozenset[str]
) -> None:
    """Refuse rules under which something could never be learned."""
    known = parts | set(objectives)
    for name, player in rules.players.items():
        for part in player.trains:
            if part not in known:
                raise SettingError(
                    f"player {name!r} trains {part!r}, which is no trainable part of this model",
                    hint=did_you_mean(part, known) or f"its trainable parts are {', '.join(sorted(known))}",
                )
    for loss in declared:
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
    for name, objective in objectives.items():
        listeners = [player for loss in objective.losses for player in rules.listeners(loss)]
        trained = [part for player in listeners for part in rules.players[player].trains]
        if objective.needs and not {name, *objective.needs} & set(trained):
            part, first = next(iter(objective.needs)), listeners[0]
            trains = ", ".join(f'"{one}"' for one in (*rules.players[first].trains, part))
            raise SettingError(
                f'objective "{name}" would train nothing: it uses {", ".join(objective.needs)}, '
                f'and player "{first}", who listens to it, trains {", ".join(rules.players[first].trains)}',
                hint=f"set {part}.trainable=true and training.players.{first}.trains='[{trains}]'",
            )
