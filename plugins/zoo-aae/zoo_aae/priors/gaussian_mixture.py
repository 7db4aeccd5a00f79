"""GaussianMixture: a ring of elongated 2-D Gaussians."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from zoo_core.interfaces import Prior, Tags
from zoo_core.noise import Noise


class GaussianMixture(Prior):
    """Equal mixture of 2-D Gaussians on a ring, each stretched along the line from the centre (Figures 2b and 4a; the paper gives
    no numbers). Component k lies at the angle 2πk/components and stands for the class k.

    Arguments:
        components: how many.
        radius: distance of their means from the centre.
        long, short: their standard deviations along that line and across it.
    """

    tags: ClassVar[Tags] = Tags(density=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"components": 3, "radius": 2.0}]

    def __init__(
        self,
        *,
        components: Annotated[int, Ge(1), Le(65_536)] = 10,
        radius: Annotated[float, Ge(0)] = 4.0,
        long: Annotated[float, Gt(0)] = 1.2,
        short: Annotated[float, Gt(0)] = 0.3,
    ) -> None:
        super().__init__()
        self.latent_dim = 2
        self.components = components
        self.radius, self.long, self.short = radius, long, short

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"labels", "prior.log_prob", "prior.percentiles"})

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        """Draws (n, 2), of the components ``y``; of a random one where y is −1 or not given."""
        own = noise.integers(f"{name}:component", (n,), self.components)
        if y is not None:
            own = torch.where(y >= 0, y, own)
        return self._placed(noise.normal(name, (n, 2)), own)

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), (N,), in nats."""
        cosine, sine = self._directions(torch.arange(self.components, device=z.device), z.dtype)
        along = z[:, :1] * cosine + z[:, 1:] * sine - self.radius
        across = z[:, 1:] * cosine - z[:, :1] * sine
        exponents = -0.5 * ((along / self.long).square() + (across / self.short).square())
        constant = math.log(2 * math.pi * self.long * self.short * self.components)
        return torch.logsumexp(exponents, dim=1) - constant

    def from_percentiles(self, u: Tensor, y: Tensor | None = None) -> Tensor:
        """The codes (N, 2) at the percentiles ``u`` along the long and the short axis of the components ``y``; without y, u[:, 0]
        also says which component."""
        if y is None:
            scaled = u[:, 0] * self.components
            y = scaled.long().clamp(max=self.components - 1)
            u = torch.stack([scaled - y, u[:, 1]], dim=1)
        return self._placed(torch.special.ndtri(u), y)

    def _placed(self, standard: Tensor, y: Tensor) -> Tensor:
        """Standard normal numbers (N, 2) as draws of the components ``y``."""
        along, across = self.radius + self.long * standard[:, 0], self.short * standard[:, 1]
        cosine, sine = self._directions(y, standard.dtype)
        return torch.stack([along * cosine - across * sine, along * sine + across * cosine], dim=1)

    def _directions(self, y: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        angle = y.to(dtype) * (2 * math.pi / self.components)
        return angle.cos(), angle.sin()
