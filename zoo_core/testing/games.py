"""Games to check objectives in: the objective, plain parts around it, pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zoo_core.game import Game, Rules, Step, TurnRules, rules_for
from zoo_core.interfaces import Batch, FeatureExtractor, ImageShape, Labels, Modality, Objective, Part, Term
from zoo_core.noise import KeyedNoise
from zoo_core.testing.pictures import batch
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject

OWN = "checked"
"""The objective's name in its game."""
ROWS = 24


@dataclass(frozen=True)
class Playground:
    """An objective, the parts around it, and who trains what.

    Arguments:
        objective: what is checked.
        parts: by name.
        trained: names of the parts that are trained; the others are frozen.
        players: as a recipe has them, for losses without a default player.
        shape, labels, modality: of the pictures, or windows of tokens.
    """

    objective: Objective
    parts: dict[str, Part]
    trained: frozenset[str]
    players: Mapping[str, Any]
    shape: ImageShape
    labels: Labels
    modality: Modality = "image"

    def batch(self, n: int = ROWS, start: int = 0) -> Batch:
        """Pictures and labels."""
        return batch(n, self.shape, self.labels, start=start, modality=self.modality)

    def step(self, given: Batch | None = None, seed: int = 0) -> Step:
        """A step outside any game."""
        modules = {**self.parts, OWN: self.objective}
        return Step(modules, given or self.batch(), KeyedNoise(seed, 0), retained_values=self.objective.retained_values)

    def terms(self, step: Step) -> Iterator[tuple[str, Term]]:
        """(loss, term) for each declared loss, in the order of their turns."""
        for loss in self.objective.losses:
            for term in self._asked(loss, step):
                if not isinstance(term, Term):
                    raise CheckFailed("terms of type Term", found=type(term).__name__, do='yield Term("name", value)')
                yield loss, term

    def _asked(self, loss: str, step: Step) -> Iterator[Term]:
        try:
            yield from self.objective.terms(loss, step)
        except KeyError as error:
            if error.args and error.args[0] in self.parts:
                raise
            raise CheckFailed(
                f"to ask only for the parts that it needs ({', '.join(self.parts)})",
                found=f"{error.args[0] if error.args else error!r}",
                do='declare it: needs = {"NAME": Need("KIND")}',
            ) from error

    def rules(self) -> Rules:
        """The rules as a recipe would have them, each loss in a turn of its own."""
        return rules_for({OWN: self.objective}, self.trained, {"players": self.players})

    def at_once(self) -> Rules:
        """All losses in one turn."""
        rules = self.rules()
        return Rules((TurnRules(losses=self.objective.losses, players=tuple(rules.players)),), rules.players)

    def in_turn(self) -> Rules:
        """A turn for each loss; a player steps in that of the last loss it listens to."""
        rules = self.rules()
        last = {name: max(map(self.objective.losses.index, p.losses)) for name, p in rules.players.items()}
        turns = [
            TurnRules(losses=(loss,), players=tuple(name for name, index in last.items() if index == i))
            for i, loss in enumerate(self.objective.losses)
        ]
        return Rules(tuple(turns), rules.players)

    def game(self, rules: Rules, seed: int = 0) -> Game:
        """A game on batches of pictures, one after another."""
        starts = itertools.count(0, ROWS)
        for part in (*self.parts.values(), self.objective):
            part.train()
        for name in set(self.parts) - self.trained:
            self.parts[name].eval()
        return Game(self.parts, {OWN: self.objective}, rules, lambda _: self.batch(start=next(starts)), seed=seed)

    def moved(self, losses: set[str], seed: int = 0) -> set[str]:
        """Parts, and ``self`` for the objective, whose weights the terms of ``losses`` move."""
        modules = {**self.parts, "self": self.objective}
        found: set[str] = set()
        for loss, term in self.terms(self.step(seed=seed)):
            if loss in losses:
                reached = modules if term.grad_parts is None else term.grad_parts & set(modules)
                found |= {name for name in reached if moves(term.value, list(modules[name].parameters()))}
        return found

    def modules(self) -> dict[str, Part]:
        """The trained parts, and the objective where it has weights."""
        named = {name: part for name, part in self.parts.items() if name in self.trained}
        return {**named, OWN: self.objective} if any(True for _ in self.objective.parameters()) else named


def moves(value: Tensor, parameters: list[nn.Parameter]) -> bool:
    """Whether ``value`` has a gradient other than zero for one of ``parameters``."""
    wanted = [p for p in parameters if p.requires_grad]
    # What is no scalar is told by a check of its own.
    if not wanted or not isinstance(value, Tensor) or value.shape != () or not value.requires_grad:
        return False
    gradients = torch.autograd.grad(value, wanted, allow_unused=True, retain_graph=True)
    return any(g is not None and bool(torch.any(g != 0)) for g in gradients)


def playground(subject: Subject, *, seed: int = 0) -> Playground:
    """The subject's objective with plain parts around it.

    A feature extractor is trained where the objective or one of its players says so, or where nothing else that it needs has
    weights; else it is looked through. Each loss that no default player listens to is heard by a player of its own, which trains what
    it moves.
    """
    shape, labels = subject.image_shapes[0], subject.labels
    needs = subject.component.needs  # type: ignore[attr-defined]
    with torch.random.fork_rng(devices=[]):
        parts = subject.surroundings(shape)
        objective: Objective = subject.fresh(shape, seed=seed, parts=parts)
    defaults = objective.default_players
    claimed = {part for player in defaults.values() for part in player.get("trains", ())}
    heard = {loss for player in defaults.values() for loss in player.get("losses", ())}
    looked_through = {
        name
        for name, part in parts.items()
        if isinstance(part, FeatureExtractor)
        and name not in claimed
        and not needs[name].trained
        and any(any(True for _ in other.parameters()) for other in parts.values() if other is not part)
    }
    for name in looked_through:
        parts[name].requires_grad_(False)
    trained = frozenset(parts) - looked_through
    with_weights = [name for name in sorted(trained) if any(p.requires_grad for p in parts[name].parameters())]
    unheard = [loss for loss in objective.losses if loss not in heard]
    players: dict[str, Any] = {}
    ground = Playground(objective, parts, trained, players, shape, labels, subject.modality)
    for loss in unheard:
        moved = ground.moved({loss})
        trains = [name for name in with_weights if name not in claimed and name in moved]
        trains = (
            trains or [name for name in with_weights if name in moved] or ([OWN] if "self" in moved else with_weights)
        )
        players[f"{loss}-player"] = {"trains": trains, "losses": [loss]}
    return ground
