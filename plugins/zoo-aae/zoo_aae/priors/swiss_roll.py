"""SwissRoll: a 2-D spiral."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from zoo_core.interfaces import Prior
from zoo_core.noise import Noise


class SwissRoll(Prior):
    """Points on a spiral from the centre outwards, spread evenly along its length, with Gaussian noise across it (section 2.3; the
    paper gives no numbers). The position along the roll, in [0, 1], is cut into equal stretches, one for each class in the order
    of their numbers: the first tenth is the digit 0.

    At the position t the radius is radius·√t and the angle 2π·turns·√t, which spreads t evenly along the spiral but for the
    first part of a turn.

    Arguments:
        components: how many stretches.
        radius: of the outer end.
        turns: how often it winds.
        std: standard deviation across the roll; its windings are radius/turns apart.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"components": 3, "turns": 1.0}]

    def __init__(
        self,
        *,
        components: Annotated[int, Ge(1), Le(65_536)] = 10,
        radius: Annotated[float, Gt(0)] = 6.0,
        turns: Annotated[float, Gt(0)] = 2.0,
        std: Annotated[float, Gt(0)] = 0.2,
    ) -> None:
        super().__init__()
        self.latent_dim = 2
        self.components = components
        self.radius, self.turns, self.std = radius, turns, std

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"labels", "prior.percentiles"})

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        """Draws (n, 2), of the stretches ``y``; from the whole roll where y is −1 or not given."""
        position = noise.uniform(f"{name}:position", (n,))
        if y is not None:
            position = torch.where(y >= 0, (y + position) / self.components, position)
        return self._placed(position, noise.normal(name, (n,)))

    def from_percentiles(self, u: Tensor, y: Tensor | None = None) -> Tensor:
        """The codes (N, 2) at the positions u[:, 0] along the roll, or along the stretches ``y``, and the percentiles u[:, 1] across."""
        position = u[:, 0] if y is None else (y + u[:, 0]) / self.components
        return self._placed(position, torch.special.ndtri(u[:, 1]))

    def _placed(self, position: Tensor, standard: Tensor) -> Tensor:
        """Positions in [0, 1] and standard normal numbers across the roll, each (N,), to codes (N, 2)."""
        root = position.sqrt()
        angle = 2 * math.pi * self.turns * root
        cosine, sine = angle.cos(), angle.sin()
        # The spiral's direction, of length 1: d/dθ (θ cos θ, θ sin θ) over its norm.
        tangent = (
            torch.stack([cosine - angle * sine, sine + angle * cosine], dim=1) / (1 + angle.square()).sqrt()[:, None]
        )
        normal = torch.stack([-tangent[:, 1], tangent[:, 0]], dim=1)
        on_roll = self.radius * root[:, None] * torch.stack([cosine, sine], dim=1)
        return on_roll + self.std * standard[:, None] * normal
