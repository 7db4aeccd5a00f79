"""q(y given x), the label side of a joint code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from zoo_aae.class_names import categories
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Batch

if TYPE_CHECKING:
    from zoo_core.model import Model


def label_probabilities(model: Model, x: Tensor) -> Tensor:
    """q(y given x) for x (N, C, H, W): (N, K), rows that sum to 1."""
    return model.encode(x)[:, : categories(model)]


def classes_of(batch: Batch, metric: str) -> Tensor:
    """The classes of a batch's examples, int64 (N,), −1 where one is not known.

    Raises:
        IncompatibleError: the data have no classes; says that ``metric`` needs them.
    """
    if batch.y is None:
        raise IncompatibleError(
            f'metric "{metric}" compares with the classes of the data, and these have none',
            hint="name labelled data: --data mnist",
        )
    return batch.y
