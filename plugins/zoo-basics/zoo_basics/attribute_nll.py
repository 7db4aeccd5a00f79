"""−log p(a given z), of a decoder that tells the attributes of a picture beside it."""

from __future__ import annotations

from typing import cast

from torch import Tensor

from zoo_core.distributions import Attributes
from zoo_core.game import Step


def attribute_nll(step: Step) -> Tensor:
    """The batch's mean in nats, a scalar, for a decoder with the capability ``likelihood.attributes`` and data with attributes."""
    told = cast(Attributes, step.likelihood().attributes)
    return -told.log_prob(cast(Tensor, step.batch.attributes)).mean()
