"""ReconstructionError: pixels of reconstructions against the images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, final

import torch

from zoo_basics.metrics.mean import StreamingMean
from zoo_core.data import labels_for
from zoo_core.devices import float64
from zoo_core.interfaces import Batch, Metric, MetricResult, Need

if TYPE_CHECKING:
    from zoo_core.model import Model

SMALLEST_MSE = 1e-10
"""Of one image, for its PSNR: an exact reconstruction counts as 100 dB, not as infinitely many."""


@final
class ReconstructionError(Metric):
    """Error of ``model.reconstruct(x)``, the decoder's mean at the posterior mean, for x in [0, 1].

    Figures: ``mse`` and ``l1``, squared and absolute error per unit of x (pixel and channel); ``psnr``, −10 log₁₀ of an
    image's mse, averaged over the images.
    """

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "decoder": Need("decoder")}

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The three figures over all of ``batches``."""
        mse, l1, psnr = StreamingMean(), StreamingMean(), StreamingMean()
        for batch in batches:
            difference = float64(
                model.reconstruct(batch.x, labels_for(model, batch, "encoder", "decoder")) - batch.x
            ).flatten(1)
            each = difference.square().mean(1)
            mse.add(each)
            l1.add(difference.abs().mean(1))
            psnr.add(-10 * each.clamp(min=SMALLEST_MSE).log10())
        protocol = {"examples": mse.count}
        return [
            MetricResult("mse", mse.value, "squared grey level in [0, 1] per unit", "lower", mse.error, protocol),
            MetricResult("l1", l1.value, "grey level in [0, 1] per unit", "lower", l1.error, protocol),
            MetricResult("psnr", psnr.value, "dB", "higher", psnr.error, protocol),
        ]
