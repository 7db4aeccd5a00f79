"""Projections of codes onto a plane, with titles for its two axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True)
class Projection:
    """A map of codes (N, D) to points (N, 2).

    Arguments:
        map: the map.
        titles: what the two axes are called.
    """

    map: Callable[[Tensor], Tensor]
    titles: tuple[str, str]

    def __call__(self, codes: Tensor) -> Tensor:
        """Codes (N, D) to points (N, 2)."""
        return self.map(codes)


def as_it_is(codes: Tensor) -> Projection:
    """Codes of two dimensions, or of one and a 0 beside it."""
    return Projection(lambda z: pad(z, (0, 2 - z.shape[1])), ("$z_1$", "$z_2$" if codes.shape[1] == 2 else ""))


def by_pca(codes: Tensor) -> Projection:
    """The first two principal components of ``codes`` (N, D), with their shares of the variance in the titles; a single code has
    none, and keeps its first two coordinates."""
    from sklearn.decomposition import PCA

    if len(codes) < 2:
        return Projection(lambda z: z[:, :2], ("$z_1$", "$z_2$"))
    fitted = PCA(n_components=2, svd_solver="full").fit(codes.double().numpy())
    titles = [f"principal component {i + 1} ({share:.0%})" for i, share in enumerate(fitted.explained_variance_ratio_)]
    return Projection(lambda z: torch.from_numpy(fitted.transform(z.double().numpy())), (titles[0], titles[1]))
