"""FGSM: one step along the sign of the slope."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Gt, Le
from torch import Tensor

from zoo_basics.attacks.ball import steepest
from zoo_core.interfaces import Attack, AttackedLoss, BallNorm, ascent
from zoo_core.noise import Noise


class FGSM(Attack):
    """Fast gradient sign method (Goodfellow et al. 2015, section 4): x + ε sign(∇ₓ loss), cut to [0, 1]. Exact for a loss that is
    linear in x; for others see PGD.

    Arguments:
        epsilon: ε, radius of the ball; the published 0.1 to 0.3 are for MNIST in [0, 1].
        norm: of the ball; in ``l2`` the step is ε ∇ / ‖∇‖ (the fast gradient method).
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"epsilon": 2.0, "norm": "l2"}]

    def __init__(self, *, epsilon: Annotated[float, Gt(0), Le(1000)] = 0.1, norm: BallNorm = "linf") -> None:
        super().__init__()
        self.epsilon = epsilon
        self.norm = norm

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        """The attacked images, (N, C, H, W); nothing is drawn."""
        return (x.detach() + self.epsilon * steepest(ascent(loss, x), self.norm)).clamp(0, 1)
