"""Encoders that are hard to build without memory, or to fill."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn

from zoo_core.distributions.posteriors import posterior_family
from zoo_core.interfaces import Encoder, ImageShape


class Trap(Encoder):
    """A linear encoder with one difficulty.

    Arguments:
        kind: ``buffer`` computes a buffer that is not saved; ``attribute`` keeps a tensor in a plain attribute, ``list`` in a list;
            ``orthogonal`` draws orthogonal weights; ``item`` computes with its first weights; ``tied`` has one weight under two
            names; ``lazy`` learns its width from the first forward; ``kept`` holds a parameter in a plain list too.
    """

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        latent_dim: Annotated[int, Ge(1)] = 4,
        kind: Literal["buffer", "attribute", "list", "orthogonal", "item", "tied", "lazy", "kept"] = "buffer",
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.family = posterior_family("gaussian", latent_dim)
        width = prod(image_shape)
        self.kind = kind
        self.inner = nn.LazyLinear(width) if kind == "lazy" else nn.Linear(width, width, bias=kind != "tied")
        self.head = nn.Linear(width, self.family.width)
        if kind == "buffer":
            self.register_buffer("ramp", torch.linspace(0, 1, width), persistent=False)
        elif kind == "attribute":
            self.ramp = torch.linspace(0, 1, width)
        elif kind == "list":
            self.ramps = [torch.linspace(0, 1, width)]
        elif kind == "orthogonal":
            nn.init.orthogonal_(self.inner.weight)
        elif kind == "item":
            self.scale = 1.0 + 0 * self.head.weight.sum().item()
        elif kind == "tied":
            self.again = nn.Linear(width, width, bias=False)
            self.again.weight = self.inner.weight
        elif kind == "kept":
            self.kept = [self.inner.weight]

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        h: Tensor = self.inner(x.flatten(1))
        if self.kind in ("buffer", "attribute"):
            h = h + self.ramp
        elif self.kind == "list":
            h = h + self.ramps[0]
        elif self.kind == "tied":
            h = self.again(h)
        elif self.kind == "kept":
            h = h + self.kept[0].sum()
        statistics: Tensor = self.head(h)
        return statistics


class Renamed(Encoder):
    """Format 2: ``latent`` became ``latent_dim``, and the weights ``old.…`` became ``head.…``."""

    format = 2

    def __init__(self, *, image_shape: ImageShape, latent_dim: Annotated[int, Ge(1)] = 4) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.family = posterior_family("gaussian", latent_dim)
        self.head = nn.Linear(prod(image_shape), self.family.width)

    @classmethod
    def migrate(cls, params: Mapping[str, Any], format: int) -> dict[str, Any]:
        return {"latent_dim": params["latent"]} if format == 1 else dict(params)

    @classmethod
    def migrate_name(cls, name: str, format: int) -> str:
        return name.replace("old.", "head.") if format == 1 else name

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        statistics: Tensor = self.head(x.flatten(1))
        return statistics


class Deep(Encoder):
    """As many layers as ``depth`` says, without bounds."""

    def __init__(self, *, image_shape: ImageShape, latent_dim: int = 4, depth: int = 1) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.family = posterior_family("gaussian", latent_dim)
        self.inner = nn.Sequential()
        for _ in range(depth):
            self.inner.append(nn.Linear(prod(image_shape), prod(image_shape)))
        self.head = nn.Linear(prod(image_shape), self.family.width)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        statistics: Tensor = self.head(self.inner(x.flatten(1)))
        return statistics
