"""Maximum mean discrepancy between two sets of codes."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.data import squared_distances
from zoo_core.devices import float64

ROWS_AT_ONCE = 1024
"""Bounds the table of kernel values: so many rows by all of the other set."""

MEDIAN_OF = 2000
"""The median distance is taken among so many points of both sets together; more would hardly move it."""


def median_distance(a: Tensor, b: Tensor) -> float:
    """Median Euclidean distance between points of ``a`` and ``b`` together (Gretton et al. 2012, section 8); 1 where it is 0.

    Among at most :data:`MEDIAN_OF` points, as many from the front of each set.
    """
    pooled = torch.cat([a[: MEDIAN_OF // 2], b[: MEDIAN_OF // 2]])
    median = torch.pdist(pooled).median().item()
    return median or 1.0


def squared_mmd(a: Tensor, b: Tensor, bandwidth: float) -> float:
    """Unbiased estimate of MMD² between the distributions behind a (N, D) and b (M, D), both of two rows or more.

    Gretton et al. 2012, Lemma 6, equation 3, with the kernel k(u, v) = exp(−‖u − v‖² / (2 bandwidth²)). 0 on average
    where the distributions are the same, so that it may be negative; at most 2. In float64, in chunks of rows.
    """
    n, m = len(a), len(b)
    # The kernel of a point with itself is 1, and does not count.
    within_a = (_kernel_sum(a, a, bandwidth) - n) / (n * (n - 1))
    within_b = (_kernel_sum(b, b, bandwidth) - m) / (m * (m - 1))
    return within_a + within_b - 2 * _kernel_sum(a, b, bandwidth) / (n * m)


def _kernel_sum(a: Tensor, b: Tensor, bandwidth: float) -> float:
    total = 0.0
    a, b = float64(a), float64(b)
    for rows in a.split(ROWS_AT_ONCE):
        total += squared_distances(rows, b).mul_(-0.5 / bandwidth**2).exp_().sum().item()
    return total
