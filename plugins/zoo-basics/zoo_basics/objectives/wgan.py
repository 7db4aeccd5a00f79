"""Wasserstein GANs: a critic held Lipschitz by clipping its weights, or by a penalty on its slope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le

from zoo_basics.objectives.adversarial_game import DISCRIMINATOR, AdversarialGame
from zoo_core.adversarial import AdversarialLoss, gradient_penalty
from zoo_core.game import Step
from zoo_core.interfaces import Term


class WGAN(AdversarialGame):
    """Difference of mean scores (Arjovsky et al. 2017, Algorithm 1): the critic plays five batches a round and is held within
    ±0.01 after each, both players with RMSprop."""

    kind: ClassVar[AdversarialLoss] = "wgan"
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "discriminator": {
            "trains": [DISCRIMINATOR],
            "losses": ["discriminate"],
            "optimizer": "rmsprop",
            "lr": 5e-5,
            "constraint": 0.01,
            "batches": 5,
        },
        "generator": {"trains": ["decoder"], "losses": ["fool"], "optimizer": "rmsprop", "lr": 5e-5},
    }


class WGANGP(AdversarialGame):
    """Difference of mean scores, and λ (‖∇D‖ − 1)² on the lines between images and generated ones (Gulrajani et al. 2017, Eq. 3 and
    Algorithm 1): the critic plays five batches a round.

    Without batch norm in the critic (``discriminator.normalisation=layer``, section 4 of the paper): with it, a score has a slope in
    the other images of its batch, too.

    Arguments:
        penalty_weight: λ.
    """

    kind: ClassVar[AdversarialLoss] = "wgan"
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "discriminator": {
            "trains": [DISCRIMINATOR],
            "losses": ["discriminate"],
            "lr": 1e-4,
            "betas": [0.0, 0.9],
            "batches": 5,
        },
        "generator": {"trains": ["decoder"], "losses": ["fool"], "lr": 1e-4, "betas": [0.0, 0.9]},
    }

    def __init__(
        self,
        *,
        penalty_weight: Annotated[float, Ge(0)] = 10.0,
        instance_noise: Annotated[float, Ge(0)] = 0.0,
        noise_until: Annotated[float, Gt(0), Le(1)] = 1.0,
        weight: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        super().__init__(instance_noise=instance_noise, noise_until=noise_until, weight=weight)
        self.penalty_weight = penalty_weight

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``discriminator`` and ``penalty``, or ``generator``."""
        yield from super().terms(loss, step)
        if loss == "discriminate" and self.penalty_weight:
            real, fake = (step.image(self.instance_noise.seen(step, of)) for of in ("x", "generated"))
            mix = step.noise.uniform("mix", (len(step),))
            slope = gradient_penalty("gradient", partial(step.score, DISCRIMINATOR), real, fake, mix)
            yield Term("penalty", self.penalty_weight * slope, frozenset({DISCRIMINATOR}))
