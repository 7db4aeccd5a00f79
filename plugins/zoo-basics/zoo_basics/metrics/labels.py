"""The labels that a model's decoder is given when it is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from torch import Tensor

from zoo_core.interfaces import Batch, Part

if TYPE_CHECKING:
    from zoo_core.model import Model


def decoder_labels(model: Model, batch: Batch) -> Tensor | None:
    """The batch's classes where the decoder takes them, else None."""
    return batch.y if "labels" in cast(Part, model.parts["decoder"]).capabilities else None
