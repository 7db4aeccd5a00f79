"""Penalties on the discriminator's slope that stand beside any adversarial game."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar

from annotated_types import Ge
from torch import Tensor

from zoo_basics.objectives.adversarial_game import DISCRIMINATOR, AdversarialGame
from zoo_core.adversarial import Penalty, gradient_penalty
from zoo_core.game.step import Step
from zoo_core.interfaces import Need, Objective, Tags, Term


class _SlopePenalty(Objective):
    """½ γ times a penalty, in the discriminator's loss.

    Arguments:
        weight: γ.
    """

    penalty: ClassVar[Penalty]
    tags: ClassVar[Tags] = Tags(adversarial=True)
    losses: ClassVar[tuple[str, ...]] = ("discriminate",)
    needs: ClassVar[Mapping[str, Need]] = {DISCRIMINATOR: AdversarialGame.needs[DISCRIMINATOR]}
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "discriminator": AdversarialGame.default_players["discriminator"]
    }

    def __init__(self, *, weight: Annotated[float, Ge(0)] = 10.0) -> None:
        super().__init__()
        self.weight = weight

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``penalty``."""
        fake = self.generated(step)
        slope = gradient_penalty(self.penalty, partial(step.score, DISCRIMINATOR), step.x, fake, step.x.new_zeros(0))
        yield Term("penalty", 0.5 * self.weight * slope, frozenset({DISCRIMINATOR}))

    @abstractmethod
    def generated(self, step: Step) -> Tensor:
        """The generated images, where the penalty looks at some."""


class R1(_SlopePenalty):
    """½ γ E‖∇s(x)‖² of the score s at images of the data (Mescheder et al. 2018, Eq. 9).

    Arguments:
        weight: γ.
    """

    penalty: ClassVar[Penalty] = "r1"

    def generated(self, step: Step) -> Tensor:
        return step.x


class RothPenalty(_SlopePenalty):
    """½ γ (E[(1 − D(x))²‖∇s(x)‖²] + E[D(x̃)²‖∇s(x̃)‖²]) at images x and generated ones x̃, s the score, D its sigmoid: what noise
    on all images would do, to first order (Roth et al. 2017, Algorithm 1).

    Arguments:
        weight: γ, the variance of that noise.
    """

    penalty: ClassVar[Penalty] = "roth"
    needs: ClassVar[Mapping[str, Need]] = AdversarialGame.needs

    def __init__(self, *, weight: Annotated[float, Ge(0)] = 2.0) -> None:
        super().__init__(weight=weight)

    def generated(self, step: Step) -> Tensor:
        return step.generated()
