"""Nearest neighbours in pixel space, streamed: which image of a large set is most like each of a few."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch

QUERIES_AT_ONCE = 2048
"""Bounds the table of distances: so many queries by one batch."""


class Nearest(NamedTuple):
    """For each query the nearest image.

    Arguments:
        distances: Euclidean, (N,), in grey levels of [0, 1], summed over all pixels and channels.
        images: (N, C, H, W).
    """

    distances: Tensor
    images: Tensor


def nearest(queries: Tensor, batches: Iterable[Batch]) -> Nearest:
    """The nearest image in ``batches`` to each of ``queries`` (N, C, H, W), in one pass; of equally near ones the first.

    Memory holds the queries, as many images, and one batch with its distances.

    Raises:
        DataError: there are no images in ``batches``.
    """
    best = torch.full((len(queries),), torch.inf, device=queries.device, dtype=queries.dtype)
    images = torch.zeros_like(queries)
    seen = 0
    for batch in batches:
        x = batch.x.to(queries.device, queries.dtype)
        seen += len(x)
        for start in range(0, len(queries) if len(x) else 0, QUERIES_AT_ONCE):
            rows = slice(start, start + QUERIES_AT_ONCE)
            squares, index = squared_distances(queries[rows].flatten(1), x.flatten(1)).min(dim=1)
            nearer = (squares < best[rows]).nonzero().squeeze(1)
            best[start + nearer] = squares[nearer]
            images[start + nearer] = x[index[nearer]]
    if not seen:
        raise DataError("there are no images to look for the nearest among", hint="choose another split")
    # Once more from the differences themselves: an image's distance to itself is then exactly 0.
    return Nearest(torch.linalg.vector_norm((queries - images).flatten(1), dim=1), images)


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """‖a_i − b_j‖², (N, M), for vectors a (N, D) and b (M, D), by one matrix product in the precision of ``a``.

    Both are moved to where the mean of ``a`` is the origin first: |a|² + |b|² − 2ab loses digits as the norms grow
    beside the distances.
    """
    origin = a.mean(dim=0, keepdim=True)
    a, b = a - origin, b - origin
    with _full_matmul_precision():
        table = torch.addmm(b.square().sum(1).unsqueeze(0), a, b.T, alpha=-2.0)
    return table.add_(a.square().sum(1, keepdim=True)).clamp_(min=0)


@contextmanager
def _full_matmul_precision() -> Iterator[None]:
    """No TF32 inside, whatever was chosen for training: its 10 bits of mantissa are not enough for a difference of squares."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
