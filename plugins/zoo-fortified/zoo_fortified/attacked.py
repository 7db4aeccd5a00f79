"""The attacked images of a step: made once, for every objective that asks for them."""

from __future__ import annotations

from typing import cast

from torch import Tensor
from torch.nn.functional import cross_entropy

from zoo_core.game import Step
from zoo_core.interfaces import Attack, FeatureExtractor

ATTACKED = "attacked"
"""What these images are called in a step."""


def attacked(step: Step) -> str:
    """Makes x̃, images close to x on which the classifier's cross-entropy is larger, and gives their name in ``step``.

    The attack sees the net as it trains: its noise (drawn anew at each step of the attack), dropout masks of its own, and the
    batch's statistics where it normalises by them; it moves nothing. Unlabelled images stay as they are, or move within the ball.
    """

    def perturbed() -> Tensor:
        classifier = cast(FeatureExtractor, step.part("classifier"))
        y = cast(Tensor, step.y)

        def loss(x: Tensor) -> Tensor:
            return cross_entropy(classifier.features(x)["logits"], y, ignore_index=-1, reduction="none")

        attack = cast(Attack, step.part("attack"))
        return step.isolated(lambda: attack.perturb(loss, step.x, step.noise, ATTACKED))

    step.value(ATTACKED, perturbed)
    return ATTACKED
