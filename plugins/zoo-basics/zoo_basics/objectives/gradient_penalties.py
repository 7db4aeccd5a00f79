"""Penalties on the discriminator's slope that stand beside any adversarial game."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, ClassVar, cast, final

from annotated_types import Ge
from torch import Tensor

from zoo_basics.objectives.adversarial_game import DISCRIMINATOR, AdversarialGame
from zoo_core.adversarial import Penalty, gradient_penalty
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import FeatureExtractor, Need, Objective, Part, Tags, Term

REAL = {"x": "x", "z": "z"}
"""Input of a discriminator to the value of the step that it is for an example of the data."""

GENERATED = {"x": "generated", "z": "prior_draw"}
"""The same for a generated example."""


class _SlopePenalty(Objective):
    """½ γ times a penalty, in the discriminator's loss. A joint discriminator's slope is that in the image and the code together.

    Arguments:
        weight: γ.

    Raises:
        IncompatibleError: a discriminator of images with their codes, and no encoder to give the data's.
    """

    penalty: ClassVar[Penalty]
    tags: ClassVar[Tags] = Tags(adversarial=True)
    losses: ClassVar[tuple[str, ...]] = ("discriminate",)
    needs: ClassVar[Mapping[str, Need]] = {DISCRIMINATOR: replace(AdversarialGame.needs[DISCRIMINATOR], inputs=None)}
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "discriminator": AdversarialGame.default_players["discriminator"]
    }

    def __init__(self, *, parts: Mapping[str, Part], weight: Annotated[float, Ge(0)] = 10.0) -> None:
        super().__init__()
        self.weight = weight
        self._inputs = cast(FeatureExtractor, parts[DISCRIMINATOR]).inputs
        if "z" in self._inputs and "encoder" not in parts:
            raise IncompatibleError(
                "a penalty on a discriminator of images with their codes needs an encoder, which gives the data's codes",
                hint='add a part "encoder", or choose a discriminator of images alone',
            )

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``penalty``."""
        slope = gradient_penalty(
            self.penalty,
            partial(step.score, DISCRIMINATOR),
            self.examples_of(step, REAL),
            self.generated(step),
            step.x.new_zeros(0),
        )
        yield Term("penalty", 0.5 * self.weight * slope, frozenset({DISCRIMINATOR}))

    @final
    def examples_of(self, step: Step, names: Mapping[str, str]) -> list[Tensor]:
        """The discriminator's inputs, those called ``names`` in the step."""
        return [step.image(names[one]) if one == "x" else step.code(names[one]) for one in self._inputs]

    @abstractmethod
    def generated(self, step: Step) -> list[Tensor]:
        """The discriminator's inputs for generated examples, where the penalty looks at some."""


class R1(_SlopePenalty):
    """½ γ E‖∇s(x)‖² of the score s at images of the data (Mescheder et al. 2018, Eq. 9). Of a joint discriminator, E‖∇s(x, z)‖² at images
    with their codes.

    Arguments:
        weight: γ.
    """

    penalty: ClassVar[Penalty] = "r1"

    def generated(self, step: Step) -> list[Tensor]:
        return []


class RothPenalty(_SlopePenalty):
    """½ γ (E[(1 − D(x))²‖∇s(x)‖²] + E[D(x̃)²‖∇s(x̃)‖²]) at images x and generated ones x̃, s the score, D its sigmoid: what noise
    on all images would do, to first order (Roth et al. 2017, Algorithm 1). Of a joint discriminator, at images with their codes and at
    draws of the prior with their images: the noise is on both.

    Arguments:
        weight: γ, the variance of that noise.
    """

    penalty: ClassVar[Penalty] = "roth"
    needs: ClassVar[Mapping[str, Need]] = {**AdversarialGame.needs, **_SlopePenalty.needs}

    def __init__(self, *, parts: Mapping[str, Part], weight: Annotated[float, Ge(0)] = 2.0) -> None:
        super().__init__(parts=parts, weight=weight)

    def generated(self, step: Step) -> list[Tensor]:
        return self.examples_of(step, GENERATED)
