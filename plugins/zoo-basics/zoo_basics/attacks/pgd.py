"""PGD: many small steps, each back into the ball."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt, Le
from torch import Tensor

from zoo_basics.attacks.ball import drawn, steepest, within
from zoo_core.interfaces import Attack, AttackedLoss, BallNorm, ascent
from zoo_core.noise import Noise


class PGD(Attack):
    """Projected gradient ascent (Madry et al. 2018, section 2.1): ``steps`` steps of size ``step_size`` along the sign of the slope
    (in ``l2`` along the slope itself), each followed by the projection onto the ball and onto [0, 1].

    Arguments:
        epsilon: radius of the ball around x.
        norm: of the ball and of the steps.
        steps: how many.
        step_size: length of each, in the ball's norm.
        random_start: begin at a uniform draw from the ball, not at x.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"steps": 5, "step_size": 0.1},
            {"epsilon": 2.0, "norm": "l2", "steps": 5, "step_size": 0.5},
            {"steps": 2, "random_start": False},
        ]

    def __init__(
        self,
        *,
        epsilon: Annotated[float, Gt(0), Le(1000)] = 0.3,
        norm: BallNorm = "linf",
        steps: Annotated[int, Ge(1), Le(100_000)] = 40,
        step_size: Annotated[float, Gt(0), Le(1000)] = 0.01,
        random_start: bool = True,
    ) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.norm = norm
        self.steps = steps
        self.step_size = step_size
        self.random_start = random_start

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        """The attacked images, (N, C, H, W)."""
        x = x.detach()
        attacked = x
        if self.random_start:
            attacked = (x + drawn(noise, f"{name}/start", x, self.epsilon, self.norm)).clamp(0, 1)
        for _ in range(self.steps):
            moved = attacked + self.step_size * steepest(ascent(loss, attacked), self.norm)
            attacked = (x + within(moved - x, self.epsilon, self.norm)).clamp(0, 1)
        return attacked
