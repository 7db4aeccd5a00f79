"""Objectives, each broken in one way, and the check that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zoo_core.game.step import Step
from zoo_core.interfaces import Labels, Part, Tags, Term

from .originals import PlainCritic, PlainLabelObjective, PlainObjective


class NameTwice(PlainObjective):
    """Term names doubled."""

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        for term in super().terms(loss, step):
            yield term._replace(name="error")


class NoScalar(PlainObjective):
    """A value for each row."""

    def error(self, step: Step) -> Tensor:
        return (step.reconstruction() - step.x).square().flatten(1).mean(1)


class Detached(PlainObjective):
    """A term without a gradient."""

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        for term in super().terms(loss, step):
            yield term._replace(value=term.value.detach())


class NotANumber(PlainObjective):
    """The logarithm of something negative."""

    def error(self, step: Step) -> Tensor:
        return torch.log(super().error(step) - 100)


class SilentLoss(PlainObjective):
    """Declares a loss that it adds nothing to."""

    losses: ClassVar[tuple[str, ...]] = ("fit", "sharpen")

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        if loss == "fit":
            yield from super().terms(loss, step)


class SumOverTheBatch(PlainObjective):
    """Grows with the batch."""

    def error(self, step: Step) -> Tensor:
        return super().error(step) * len(step)


class DrawsGlobally(PlainObjective):
    """Noise that no step decides."""

    def error(self, step: Step) -> Tensor:
        return (step.reconstruction() - step.x - 0.1 * torch.randn_like(step.x)).square().mean()


class DrawsFromNumPy(PlainObjective):
    """Noise of NumPy."""

    def error(self, step: Step) -> Tensor:
        return super().error(step) * (1 + float(np.random.rand()))


class ReachesTooMuch(PlainObjective):
    """Says that a term moves what it does not."""

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        for term in super().terms(loss, step):
            yield term if term.grad_parts is None else term._replace(grad_parts=frozenset({"encoder", "decoder"}))


class ReachesNobody(PlainObjective):
    """Reaches a part that is none."""

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        for term in super().terms(loss, step):
            yield term._replace(grad_parts=frozenset({"generator"}))


class GradientAgainstIt(PlainObjective):
    """The gradient has the wrong sign: training makes it worse."""

    def error(self, step: Step) -> Tensor:
        error = super().error(step)
        return 2 * error.detach() - error


class NetworkInAList(PlainObjective):
    """An own network that no player finds."""

    def __init__(self) -> None:
        super().__init__()
        self.nets = [nn.Linear(12, 1)]

    def error(self, step: Step) -> Tensor:
        return super().error(step) + self.nets[0](step.z()).square().mean()


class IdleNetwork(PlainObjective):
    """An own network that no term uses."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = nn.Linear(3, 3)


class ChangesTheBatch(PlainObjective):
    """Noise on the batch itself."""

    def error(self, step: Step) -> Tensor:
        step.x.mul_(0.5)
        return super().error(step)


class MovesWeights(PlainObjective):
    """Clips weights outside of any player."""

    def error(self, step: Step) -> Tensor:
        with torch.no_grad():
            for parameter in step.part("decoder").parameters():
                parameter.clamp_(-0.001, 0.001)
        return super().error(step)


class LeavesEvalMode(PlainObjective):
    """Puts a part to rest and leaves it there."""

    def error(self, step: Step) -> Tensor:
        step.part("decoder").eval()
        return super().error(step)


class UndeclaredNeed(PlainObjective):
    """Asks for a part that it does not need."""

    def error(self, step: Step) -> Tensor:
        step.features("classifier")
        return super().error(step)


class UndeclaredLookBack(PlainObjective):
    """Asks for a value of an earlier turn without saying so."""

    losses: ClassVar[tuple[str, ...]] = ("fit", "sharpen")

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        if loss == "fit":
            yield from super().terms(loss, step)
        else:
            step.posterior()
            yield Term(
                "again",
                (step.as_of_turn(0, "reconstruction") - step.reconstruction()).square().mean() + self.error(step),
            )


class StumblesOverUnknown(PlainLabelObjective):
    """NaN where no label is known for a row."""

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        assert step.y is not None
        each = cross_entropy(step.features("classifier")["logits"], step.y, ignore_index=-1, reduction="none")
        yield Term("cross_entropy", (each / (step.y >= 0)).mean())


class UntaggedLabels(PlainLabelObjective):
    """Needs labels, without the tag."""

    tags: ClassVar[Tags] = Tags()


class TakesAnyLabels(PlainLabelObjective):
    """Tagged as needing classes, and built without."""

    def __init__(self, *, parts: Mapping[str, Part], labels: Labels) -> None:
        super().__init__(parts=parts, labels=Labels("classes", ("a",)))


class WrongPlayer(PlainCritic):
    """The critic's player trains the decoder."""

    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **PlainCritic.default_players,
        "critic": {"trains": ("self", "decoder"), "losses": ("discriminate",)},
    }


class StrangerAsPlayer(PlainCritic):
    """A player trains a part that is not needed."""

    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **PlainCritic.default_players,
        "generator": {"trains": ("generator",), "losses": ("fool",)},
    }


class UndeclaredLoss(PlainCritic):
    """A player listens to a loss that is none of its objective's."""

    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **PlainCritic.default_players,
        "generator": {"trains": ("encoder",), "losses": ("fool", "generate")},
    }


class TrainingOnlyOfNothing(PlainCritic):
    """``training_only`` names what is not there."""

    training_only: ClassVar[frozenset[str]] = frozenset({"discriminator"})


class GrowsWithoutBound(PlainCritic):
    """Terms become infinite in training."""

    rounds = 0

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        self.rounds += loss == "fit"
        for term in super().terms(loss, step):
            yield term._replace(value=term.value * 10.0**self.rounds)


OBJECTIVES: Mapping[type[Any], str] = {
    NameTwice: "term_names_are_unique",
    NoScalar: "terms_are_finite_scalars",
    Detached: "terms_are_finite_scalars",
    NotANumber: "terms_are_finite_scalars",
    SilentLoss: "terms_are_finite_scalars",
    SumOverTheBatch: "terms_are_means",
    DrawsGlobally: "draws_come_from_the_step",
    DrawsFromNumPy: "draws_come_from_the_step",
    ReachesTooMuch: "terms_reach_what_they_say",
    ReachesNobody: "terms_reach_what_they_say",
    GradientAgainstIt: "training_does_good",
    NetworkInAList: "own_networks_learn",
    IdleNetwork: "own_networks_learn",
    ChangesTheBatch: "batch_is_left_alone",
    MovesWeights: "batch_is_left_alone",
    LeavesEvalMode: "batch_is_left_alone",
    UndeclaredNeed: "terms_are_finite_scalars",
    UndeclaredLookBack: "plays_in_turn",
    StumblesOverUnknown: "unknown_labels_are_taken",
    UntaggedLabels: "data_without_labels",
    TakesAnyLabels: "data_without_labels",
    WrongPlayer: "default_players_are_sound",
    StrangerAsPlayer: "default_players_are_sound",
    UndeclaredLoss: "default_players_are_sound",
    TrainingOnlyOfNothing: "training_only_exists",
    GrowsWithoutBound: "training_does_good",
}
"""Each mutant and the check that catches it."""
