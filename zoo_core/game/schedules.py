"""Learning-rate schedules: a factor as a pure function of the epoch, so that a resumed run needs no state of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A factor on the learning rate.

    Arguments:
        name: ``constant``; ``steps`` (times ``gamma`` at each milestone); ``exponential`` (times ``gamma`` an epoch);
            ``linear`` and ``cosine`` (down to ``final`` at the last epoch).
        milestones: epochs of ``steps``.
        gamma: factor of ``steps`` and ``exponential``.
        final: last factor of ``linear`` and ``cosine``.
        warmup: epochs over which the factor rises linearly from 0 first.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}  # a misspelt key in a recipe is refused

    name: Literal["constant", "steps", "exponential", "linear", "cosine"] = "constant"
    milestones: tuple[Annotated[float, Ge(0)], ...] = ()
    gamma: Annotated[float, Gt(0)] = 0.1
    final: Annotated[float, Ge(0)] = 0.0
    warmup: Annotated[float, Ge(0)] = 0.0

    @property
    def constant(self) -> bool:
        """True where the factor is 1 throughout."""
        return self.name == "constant" and self.warmup == 0

    def factor(self, epoch: float, epochs: float) -> float:
        """The factor at ``epoch`` (fractional, 0 at the start) of ``epochs``."""
        rise = min(1.0, (epoch + 1e-12) / self.warmup) if self.warmup else 1.0
        done = min(1.0, epoch / epochs) if epochs else 0.0
        match self.name:
            case "steps":
                fall = self.gamma ** sum(epoch >= milestone for milestone in self.milestones)
            case "exponential":
                fall = self.gamma**epoch
            case "linear":
                fall = 1.0 + (self.final - 1.0) * done
            case "cosine":
                fall = self.final + (1.0 - self.final) * 0.5 * (1.0 + math.cos(math.pi * done))
            case _:
                fall = 1.0
        return rise * fall
