"""ClusterHeadDecoder: any decoder over the sum of a cluster's head and a style."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor, nn

from zoo_core.distributions import LikelihoodFamily
from zoo_core.interfaces import Decoder, ImageShape, Nested, Tags


class ClusterHeadDecoder(Decoder):
    """Adds to the style z of a joint code (y, z) the head of its cluster, y W_C, and decodes the sum, the *representation* (section 7,
    Figure 10).

    Arguments:
        latent_dim: width of label and style together; the representation has latent_dim − categories dimensions.
        categories: width of the label, which is how many heads there are.
        heads: ``learned``, or ``simplex``: the rows of W_C = scale·I, fixed, corners of a simplex, with as many dimensions as
            categories (Figure 11d).
        scale: of ``simplex``; of ``learned``, standard deviation of the first heads.
        net: the decoder of the representation, by name or as a table with ``name`` and parameters.

    Raises:
        ValueError: no room for a style, or a simplex of other dimensions than categories.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True)
    format: ClassVar[int] = 2

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        net = {"name": "zoo-basics:mlp", "hidden": [16], "sigma": "fixed"}
        return [{"latent_dim": 12, "net": net}, {"latent_dim": 20, "heads": "simplex", "scale": 10.0, "net": net}]

    @classmethod
    def migrate(cls, params: Mapping[str, Any], format: int) -> dict[str, Any]:
        """Up to format 1 the net's parameters stood beside its name, in ``net_params``."""
        older = dict(params)
        own = older.pop("net_params", None) or {}
        return {**older, "net": {"name": older["net"], **own}}

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        latent_dim: Annotated[int, Ge(2), Le(65_536)] = 12,
        categories: Annotated[int, Ge(1), Le(65_536)] = 10,
        heads: Literal["learned", "simplex"] = "learned",
        scale: Annotated[float, Gt(0)] = 1.0,
        net: Nested[Decoder] = Nested("zoo-basics:mlp"),
    ) -> None:
        super().__init__()
        dimensions = latent_dim - categories
        if dimensions < 1:
            raise ValueError(f"{categories} categories leave no room for a style in a code of width {latent_dim}")
        if heads == "simplex" and dimensions != categories:
            raise ValueError(
                f"a simplex of {categories} heads has {categories} dimensions, and the style has {dimensions}; "
                f"set latent_dim={2 * categories}"
            )
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.categories = categories
        if heads == "simplex":
            self.register_buffer("heads", scale * torch.eye(categories))
        else:
            self.heads = nn.Parameter(scale * torch.randn(categories, dimensions))
        self.net = net.build(latent_dim=dimensions)

    heads: Tensor
    """W_C, (categories, dimensions)."""

    @property
    def family(self) -> LikelihoodFamily:  # type: ignore[override]
        """That of the net."""
        return self.net.family

    @property
    def capabilities(self) -> frozenset[str]:
        learned = frozenset({"decoder.learned-heads"}) if isinstance(self.heads, nn.Parameter) else frozenset()
        return self.net.capabilities | learned | {"decoder.heads", "decoder.represent"}

    def represent(self, z: Tensor) -> Tensor:
        """Codes (N, latent_dim) to representations (N, dimensions): y W_C + z."""
        return torch.addmm(z[:, self.categories :], z[:, : self.categories], self.heads)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """(N, latent_dim) to the picture before its squashing, (N, C, H, W)."""
        representation = self.represent(z)
        output: Tensor = self.net(representation) if y is None else self.net(representation, y)
        return output
