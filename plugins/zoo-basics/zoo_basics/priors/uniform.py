"""Uniform: a cube."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt, Le
from torch import Tensor

from zoo_core.interfaces import Prior
from zoo_core.noise import Noise


class Uniform(Prior):
    """Each coordinate uniform in [−bound, bound), independent of the others.

    Arguments:
        latent_dim: width of z.
        bound: half the cube's side.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"latent_dim": 3, "bound": 2.0}]

    def __init__(
        self, *, latent_dim: Annotated[int, Ge(1), Le(65_536)] = 64, bound: Annotated[float, Gt(0)] = 1.0
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.bound = bound

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"prior.percentiles"})

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        """Draws (n, latent_dim); the labels play no part."""
        return self.from_percentiles(noise.uniform(name, (n, self.latent_dim)))

    def from_percentiles(self, u: Tensor, y: Tensor | None = None) -> Tensor:
        """bound (2u − 1), (N, latent_dim); the labels play no part."""
        return self.bound * (2 * u - 1)
