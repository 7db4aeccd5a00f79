"""A metric that looks at further data than those that it measures on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, final

import torch

from zoo_core.data import open_dataset
from zoo_core.devices.doubles import float64
from zoo_core.interfaces import Batch, Metric, MetricResult

if TYPE_CHECKING:
    from zoo_core.model import Model


@final
class Brighter(Metric):
    """How much brighter the images are than those of another data set.

    Arguments:
        than: the other data set.
        data_root: where it lies.
    """

    def __init__(self, *, than: str = "digits", data_root: str | None = None) -> None:
        self.than, self.data_root = than, data_root

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        other = open_dataset(self.than, root=self.data_root, image_size=model.image_shape[1:]).split("test").x
        assert isinstance(other, torch.Tensor)
        own = torch.cat([float64(batch.x.flatten(1)).mean(1) for batch in batches])
        value = own.mean() - float64(other).mean() / 255
        return [
            MetricResult(
                "brighter", value.item(), "grey level", "report", None, {"than": self.than, "images": len(own)}
            )
        ]
