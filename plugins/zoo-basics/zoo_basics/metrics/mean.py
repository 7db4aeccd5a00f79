"""StreamingMean: a mean and its standard error from values that come in batches."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor

from zoo_core.devices import float64
from zoo_core.errors import DataError


@final
class StreamingMean:
    """Sums in float64, so that many small values are not lost beside a large sum."""

    def __init__(self) -> None:
        self.count = 0
        self._mean = 0.0
        self._squares = 0.0
        """Σ (value − mean)²."""

    def add(self, values: Tensor) -> None:
        """Take in ``values`` (N,) (Chan et al. 1979's update of mean and squared deviations)."""
        if not len(values):
            return
        values = float64(values)
        count, mean = len(values), values.mean().item()
        squares = (values - mean).square().sum().item()
        shift, total = mean - self._mean, self.count + count
        self._squares += squares + shift**2 * self.count * count / total
        self._mean += shift * count / total
        self.count = total

    @property
    def value(self) -> float:
        """The mean.

        Raises:
            DataError: nothing was taken in.
        """
        if not self.count:
            raise DataError(
                "there is nothing to measure: no example has what this metric looks at",
                hint="choose another split or other data",
            )
        return self._mean

    @property
    def error(self) -> float | None:
        """Standard error of the mean; None with fewer than two values."""
        return math.sqrt(self._squares / (self.count - 1) / self.count) if self.count > 1 else None
