"""Game: plays rounds of turns."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo_core.errors import SettingError, ZooError, did_you_mean
from zoo_core.game.players import AllReduce, Averages, Player
from zoo_core.game.rules import Rules, TurnRules
from zoo_core.game.stale import changed_weights, is_stale, refusal
from zoo_core.game.step import Step
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.component import Part
from zoo_core.interfaces.objective import Objective
from zoo_core.interfaces.part_noise import part_noises
from zoo_core.noise import KeyedNoise

NextBatch = Callable[[str], Batch]


@dataclass(frozen=True)
class Round:
    """What a round gave.

    Arguments:
        index: how many rounds came before it.
        terms: each term's value, ``objective.term`` to a scalar on the device (the mean over what was played; reading
            it waits).
        examples: how many examples of the joint batches it took.
        step: the round's last step, for looking at reconstructions and the like.
    """

    index: int
    terms: Mapping[str, Tensor]
    examples: int
    step: Step


@dataclass(frozen=True)
class _Route:
    """The weights that a loss is differentiated for, and for each listener, for each of its own weights, the place among them."""

    weights: list[Tensor]
    places: list[tuple[Player, list[int | None]]]


class Game:
    """Turns, players and losses over one model.

    All gradients of a turn are taken at the same parameters. Each loss is differentiated once for the union of its
    listeners' weights, and again for each distinct ``grad_parts`` among its terms, by ``torch.autograd.grad``.

    Arguments:
        parts: the model's parts by name.
        objectives: its objectives by name.
        rules: turns and players.
        next_batch: gives the next batch of a stream.
        seed: of all named draws.
        accumulate: each batch is cut into this many pieces, whose gradients add up before a player steps.
        rank, world: this process among all; gradients are averaged by ``all_reduce``.
        all_reduce: mean over processes of a flat tensor.
        progress: epoch (fractional) and total epochs at a round, for schedules.
    """

    def __init__(
        self,
        parts: Mapping[str, Part],
        objectives: Mapping[str, Objective],
        rules: Rules,
        next_batch: NextBatch,
        *,
        seed: int = 0,
        accumulate: int = 1,
        rank: int = 0,
        world: int = 1,
        all_reduce: AllReduce | None = None,
        progress: Callable[[int], tuple[float, float]] = lambda round: (0.0, 0.0),
    ) -> None:
        self.objectives = objectives
        self.rules = rules
        self.seed, self.accumulate = seed, accumulate
        self.round = 0
        self.steps_drawn = 0
        self._generator: torch.Generator | None = None
        self._modules: dict[str, Part] = {**parts, **objectives}
        self.averages = Averages()
        self.players = {
            name: Player(name, player, self._modules, self.averages) for name, player in rules.players.items()
        }
        self._noises = part_noises(self._modules)
        self._next_batch = next_batch
        self._rank, self._world, self._all_reduce = rank, world, all_reduce
        self._progress = progress
        self._drawn = next((p.dtype for module in self._modules.values() for p in module.parameters()), torch.float32)
        self._turns = tuple(turn.losses for turn in rules.turns)
        self._listeners = {loss: tuple(rules.listeners(loss)) for losses in self._turns for loss in losses}
        self._retained_values = frozenset().union(*(objective.retained_values for objective in objectives.values()))
        self._asked = {
            loss: [(name, o) for name, o in objectives.items() if loss in o.losses]
            for turn in rules.turns
            for loss in turn.losses
        }
        self._stepped = [
            frozenset(part for name in turn.players for part in rules.players[name].trains) for turn in rules.turns
        ]
        self._routes: dict[tuple[str, frozenset[str] | None], _Route] = {}

    def untrained(self) -> list[str]:
        """Names of parts and objectives with weights that could be trained, and that no player trains."""
        trained = frozenset().union(*self._stepped)
        return [
            name
            for name, module in self._modules.items()
            if name not in trained and any(weight.requires_grad for weight in module.parameters())
        ]

    def _route(self, loss: str, grad_parts: frozenset[str] | None) -> _Route:
        """Where the gradients of ``loss`` go, for terms with this ``grad_parts``."""
        key = (loss, grad_parts)
        if key not in self._routes:
            for part in (grad_parts or frozenset()) - set(self._modules):
                raise SettingError(
                    f"a term of the loss {loss!r} reaches {part!r}, which is no part of this model",
                    hint=did_you_mean(part, self._modules) or f"its parts are {', '.join(sorted(self._modules))}",
                )
            allowed = (
                None if grad_parts is None else {p for part in grad_parts for p in self._modules[part].parameters()}
            )
            weights: dict[Tensor, int] = {}
            places: list[tuple[Player, list[int | None]]] = []
            for name in self._listeners[loss]:
                player = self.players[name]
                sources = [
                    weights.setdefault(p, len(weights)) if allowed is None or p in allowed else None
                    for p in player.parameters
                ]
                if any(source is not None for source in sources):
                    places.append((player, sources))
            self._routes[key] = _Route(list(weights), places)
        return self._routes[key]

    # ------------------------------------------------------------------------------------------------ a round

    def play(self) -> Round:
        """Play one round: every turn once."""
        current: dict[str, list[Step]] = {}
        values: dict[str, list[Tensor]] = {}
        examples = 0
        steps: list[Step] = []
        last = len(self.rules.turns) - 1
        for index, turn in enumerate(self.rules.turns):
            for play in range(turn.batches):
                if turn.batches > 1 or turn.stream not in current:
                    current[turn.stream] = self._draw(turn.stream, index)
                    examples += sum(map(len, current[turn.stream])) * self._world
                steps = current[turn.stream]
                self._play_turn(turn, steps, values, final=index == last)
                # Weights that moved make values stale on every stream, not only on the one that was played.
                for step in itertools.chain.from_iterable(current.values()):
                    step.invalidate(self._stepped[index])
                    if play == turn.batches - 1:
                        step.turn += 1
        self._share_buffers()
        self.round += 1
        terms = {name: seen[0] if len(seen) == 1 else torch.stack(seen).mean() for name, seen in values.items()}
        return Round(self.round - 1, terms, examples, steps[-1])

    def _draw(self, stream: str, turn: int) -> list[Step]:
        """The steps of a fresh batch. Its pieces draw the noise of their rows of the joint batch."""
        batch = self._next_batch(stream)
        if len(batch) % self.accumulate:
            raise SettingError(
                f"a batch of {len(batch)} cannot be cut into {self.accumulate} equal pieces",
                hint="choose training.batch_size as a multiple of training.accumulate",
            )
        piece = len(batch) // self.accumulate
        pieces = (
            [batch.rows(i * piece, (i + 1) * piece) for i in range(self.accumulate)] if self.accumulate > 1 else [batch]
        )
        steps = [self._step(rows, i, turn) for i, rows in enumerate(pieces)]
        self.steps_drawn += 1
        return steps

    def _step(self, batch: Batch, piece: int, turn: int) -> Step:
        noise = KeyedNoise(
            self.seed,
            self.steps_drawn,
            rank=self._rank * self.accumulate + piece,
            world=self._world * self.accumulate,
            device=batch.x.device,
            dtype=batch.x.dtype if batch.x.is_floating_point() else self._drawn,  # tokens are whole numbers
            generator=self._generator,
        )
        self._generator = noise.generator
        epoch, epochs = self._progress(self.round)
        progress = min(epoch / epochs, 1.0) if epochs else 0.0
        return Step(
            self._modules,
            batch,
            noise,
            retained_values=self._retained_values,
            turn=turn,
            turns=self._turns,
            progress=progress,
            noises=self._noises,
        )

    # ------------------------------------------------------------------------------------------------ a turn

    def _play_turn(self, turn: TurnRules, steps: list[Step], values: dict[str, list[Tensor]], *, final: bool) -> None:
        for step in steps:
            groups = self._groups(turn, step, values)
            for i, (loss, grad_parts, total) in enumerate(groups):
                # A graph that nothing asks for again is freed as it is walked.
                self._differentiate(loss, grad_parts, total, step, keep=not final or i < len(groups) - 1)
        for name in turn.players:
            player = self.players[name]
            schedule = player.rules.schedule
            factor = 1.0 if schedule.constant else schedule.factor(*self._progress(self.round))
            player.step(factor, self._all_reduce)

    def _groups(
        self, turn: TurnRules, step: Step, values: dict[str, list[Tensor]]
    ) -> list[tuple[str, frozenset[str] | None, Tensor]]:
        """What is differentiated in this turn: losses that the same players listen to are added up, and walked through once."""
        groups: dict[tuple[tuple[str, ...], frozenset[str] | None], tuple[str, Tensor]] = {}
        for loss in turn.losses:
            for grad_parts, total in self._loss(loss, step, values).items():
                key = (self._listeners[loss], grad_parts)
                first, before = groups.get(key, (loss, None))
                groups[key] = (first, total if before is None else before + total)
        return [(loss, grad_parts, total) for (_, grad_parts), (loss, total) in groups.items()]

    def _loss(self, loss: str, step: Step, values: dict[str, list[Tensor]]) -> dict[frozenset[str] | None, Tensor]:
        """The loss's terms added up, apart for each distinct ``grad_parts``."""
        totals: dict[frozenset[str] | None, Tensor] = {}
        for name, objective in self._asked[loss]:
            try:
                with step.drawing(f"{name}.{loss}"):
                    for term in objective.terms(loss, step):
                        grad_parts = (
                            term.grad_parts
                            if term.grad_parts is None
                            else frozenset(name if r == "self" else r for r in term.grad_parts)
                        )
                        seen = totals.get(grad_parts)
                        totals[grad_parts] = term.value if seen is None else seen + term.value
                        values.setdefault(f"{name}.{term.name}", []).append(term.value.detach())
            except RuntimeError as error:
                # A penalty differentiates by itself; which weights its graph has saved cannot be seen from here.
                players = self._stepped_before(step)
                if not players or not is_stale(error):
                    raise
                parts = [part for player in players for part in self.rules.players[player].trains]
                raise refusal(loss, parts, players) from error
        return totals

    def _differentiate(
        self, loss: str, grad_parts: frozenset[str] | None, total: Tensor, step: Step, *, keep: bool
    ) -> None:
        route = self._route(loss, grad_parts)
        if not route.weights:
            return
        if not total.requires_grad:
            raise ZooError(
                f"the loss {loss!r} has no gradient: none of its terms depends on a weight that is trained",
                hint="check that its terms are not detached and that some part they use is trainable",
            )
        try:
            gradients = torch.autograd.grad(total, route.weights, retain_graph=keep, allow_unused=True)
        except RuntimeError as error:
            changed = changed_weights(total) if is_stale(error) else set()
            if not changed:
                raise
            parts = [name for name, module in self._modules.items() if not changed.isdisjoint(module.parameters())]
            movers = [name for name, player in self.players.items() if not changed.isdisjoint(player.parameters)]
            players = [name for name in movers if name in self._stepped_before(step)]
            raise refusal(loss, parts, players or movers) from error
        if self.accumulate > 1:
            gradients = tuple(None if g is None else g / self.accumulate for g in gradients)
        for player, sources in route.places:
            player.add([None if source is None else gradients[source] for source in sources])

    def _stepped_before(self, step: Step) -> list[str]:
        """The players that have stepped in this round, before the turn that ``step`` is in."""
        return [player for turn in self.rules.turns[: step.turn] for player in turn.players]

    # ------------------------------------------------------------------------------------------------ processes

    def _share_buffers(self) -> None:
        """Average running statistics over processes, so that all keep the same model."""
        if self._all_reduce is None:
            return
        buffers = [
            b for module in self._modules.values() if module.training for b in module.buffers() if b.is_floating_point()
        ]
        if buffers:
            flat = self._all_reduce(torch.cat([b.reshape(-1) for b in buffers]))
            for buffer, piece in zip(buffers, flat.split([b.numel() for b in buffers])):
                buffer.copy_(piece.view(buffer.shape))
