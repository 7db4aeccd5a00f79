"""ParzenWindow: a Gaussian kernel density at fixed points, from samples that come in chunks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from zoo_core.data import squared_distances
from zoo_core.devices import float64

POINTS_AT_ONCE = 2048
"""Bounds the table of distances: so many points by one chunk of samples."""


class ParzenWindow:
    """log (1/M) Σ_m N(x; sample_m, σ²I) at points x, in nats, for several σ at once.

    All σ share one pass over the squared distances. Those are computed in the precision of the points; sums over samples
    are kept in float64, relative to the nearest sample of each chunk, so that nothing under- or overflows.

    Arguments:
        points: x, (N, D).
        sigmas: the bandwidths, greater than 0.
    """

    def __init__(self, points: Tensor, sigmas: Sequence[float]) -> None:
        self.points = points
        self.sigmas = tuple(sigmas)
        self.count = 0
        self._log_sums = float64(points[:0]).new_full((len(self.sigmas), len(points)), -torch.inf)

    def add(self, samples: Tensor) -> None:
        """Take in samples (m, D); memory is one table of squared distances to part of the points."""
        self.count += len(samples)
        for start in range(0, len(self.points), POINTS_AT_ONCE):
            rows = slice(start, start + POINTS_AT_ONCE)
            table = squared_distances(self.points[rows], samples)
            nearest = table.amin(dim=1, keepdim=True)
            table -= nearest
            for log_sums, sigma in zip(self._log_sums, self.sigmas):
                scale = -0.5 / sigma**2
                relative = float64((table * scale).exp_().sum(dim=1)).log()
                log_sums[rows] = torch.logaddexp(log_sums[rows], relative + float64(nearest.squeeze(1)) * scale)

    def log_density(self) -> Tensor:
        """float64 (S, N): a row for each σ; −∞ before any sample."""
        sigmas = self._log_sums.new_tensor(self.sigmas)
        log_norm = math.log(max(self.count, 1)) + self.points.shape[1] * (sigmas.log() + 0.5 * math.log(2 * math.pi))
        return self._log_sums - log_norm.unsqueeze(1)
