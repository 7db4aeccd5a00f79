"""CategoricalGaussian: a one-hot label beside a Gaussian style."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor
from torch.nn.functional import one_hot

from zoo_core.interfaces import Prior, Tags
from zoo_core.noise import Noise


class CategoricalGaussian(Prior):
    """p(y) p(z) = Cat(y) N(z; 0, std² I) (section 5): codes whose first ``categories`` numbers are a one-hot label, each category
    alike likely, and whose others are the style.

    Arguments:
        latent_dim: width of label and style together.
        categories: width of the label.
        std: standard deviation of each coordinate of the style.
        conditional: the categories are the data's classes, so that draws may be asked for by class.

    Raises:
        ValueError: no room for a label and a style.
    """

    tags: ClassVar[Tags] = Tags(conditional=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"latent_dim": 14, "categories": 10, "std": 2.0, "conditional": True}]

    def __init__(
        self,
        *,
        latent_dim: Annotated[int, Ge(2), Le(65_536)] = 20,
        categories: Annotated[int, Ge(1), Le(65_536)] = 10,
        std: Annotated[float, Gt(0)] = 1.0,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        if categories >= latent_dim:
            raise ValueError(
                f"the code needs room for a style beside {categories} categories: latent_dim={categories + 10}, "
                f"say, not {latent_dim}"
            )
        self.latent_dim = latent_dim
        self.categories = self.components = categories
        self.std = std
        self.conditional = conditional

    @property
    def capabilities(self) -> frozenset[str]:
        own = frozenset({"prior.categories", "prior.percentiles"})
        return own | {"labels"} if self.conditional else own

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        """Draws (n, latent_dim), of the categories ``y``; of random ones where y is −1 or not given."""
        own = noise.integers(f"{name}:category", (n,), self.categories)
        if y is not None:
            own = torch.where(y >= 0, y, own)
        style = self.std * noise.normal(name, (n, self.latent_dim - self.categories))
        return torch.cat([one_hot(own, self.categories).to(style.dtype), style], dim=1)

    def from_percentiles(self, u: Tensor, y: Tensor | None = None) -> Tensor:
        """The codes (N, latent_dim) of the categories ``y``, without y those that u[:, 0] falls into, with the style at the percentiles
        of the last columns of ``u``."""
        if y is None:
            y = (u[:, 0] * self.categories).long().clamp(max=self.categories - 1)
        style = self.std * torch.special.ndtri(u[:, self.categories :])
        return torch.cat([one_hot(y, self.categories).to(style.dtype), style], dim=1)
