"""ErrorRate: the percentage of wrong answers, from answers that come in batches."""

from __future__ import annotations

import math

from torch import Tensor

from zoo_core.errors import DataError


class ErrorRate:
    """Counts answers and the wrong ones among them."""

    def __init__(self) -> None:
        self.count = 0
        self.wrong = 0

    def add(self, wrong: Tensor) -> None:
        """Take in answers: bool (N,), True where one is wrong."""
        self.count += len(wrong)
        self.wrong += int(wrong.sum())

    @property
    def percent(self) -> float:
        """Wrong answers in a hundred.

        Raises:
            DataError: there was no answer.
        """
        if not self.count:
            raise DataError("no example has a label to compare with", hint="choose another split or other data")
        return 100 * self.wrong / self.count

    @property
    def standard_error(self) -> float | None:
        """Of ``percent``, in percent, for independent examples; None with fewer than two."""
        if self.count < 2:
            return None
        share = self.wrong / self.count
        return 100 * math.sqrt(share * (1 - share) / (self.count - 1))
