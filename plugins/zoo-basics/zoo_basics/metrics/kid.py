"""KID: the kernel distance between the features of real images and of samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, final

import torch
from annotated_types import Ge
from torch import Tensor

from zoo_basics.metrics.distance_metric import DistanceMetric, Pictures
from zoo_basics.metrics.drawn_samples import SamplerSpec
from zoo_basics.metrics.extractor import DEFAULT, Features
from zoo_core.interfaces import Batch, MetricResult

if TYPE_CHECKING:
    from zoo_core.model import Model


@final
class KID(DistanceMetric):
    """Squared maximum mean discrepancy of features under k(a, b) = (aᵀb / D + 1)³, unbiased (Bińkowski et al. 2018, section 4).

    Its mean over blocks of real images and as many samples, no image in two blocks, with the standard deviation over the
    blocks. Unlike FID it is unbiased, so a figure over few images is only less certain; it may be a little below 0. Memory
    holds one block.

    MetricResult: ``kid``; of reconstructions ``reconstruction-kid``. An image and its own reconstruction are not independent, and would
    spoil the estimate: the real images are none of those that are reconstructed, in any block.

    Arguments:
        of: ``samples``, or ``reconstructions`` of some of the images, which are compared with others.
        features: the feature extractor, see :data:`zoo_basics.metrics.extractor.Features`.
        layer: of the extractor; None is its last before the logits. Of a map the mean over space is taken.
        samples: how many are drawn at most, and how many real images are compared with at most: there are as many blocks
            as both fill.
        block: images in a block; all there are where they are fewer.
        sampler: None is the recipe's.
        cache: keep the real images' features on disk, see :mod:`zoo_basics.metrics.feature_cache`.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"features": "digit-classifier", "sampler": "prior", "cache": False}
        return [
            {**small, "samples": 30, "block": 10},
            {**small, "samples": 20, "layer": "conv1"},
            {"features": "digit-classifier", "cache": False, "of": "reconstructions", "block": 5},
        ]

    def __init__(
        self,
        *,
        of: Pictures = "samples",
        features: Features = DEFAULT,
        layer: str | None = None,
        samples: Annotated[int, Ge(2)] = 10_000,
        block: Annotated[int, Ge(2)] = 1000,
        sampler: SamplerSpec | None = None,
        cache: bool = True,
    ) -> None:
        super().__init__(of=of, features=features, layer=layer, samples=samples, sampler=sampler, cache=cache)
        self.block = block

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """One figure; its standard deviation is None where there is one block only.

        Raises:
            UnknownName, WeightsError, IncompatibleError, SettingError: see
                :meth:`~zoo_basics.metrics.distance_metric.DistanceMetric.compared`.
            DataError: too few images, or features that are not finite.
        """
        values = []
        with self.compared(model, batches, generator) as (real, pictures, count):
            block = min(self.block, count, real.count)
            blocks = min(count, real.count) // block
            for number in range(1, blocks + 1):
                what = f"block {number} of {blocks}"
                seen = real.block(block, number, f"real images, {what}")
                made = torch.cat(list(pictures.batches(block, f"{self.of}, {what}"))).cpu()
                values.append(squared_discrepancy(seen, made))
        each = torch.tensor(values, dtype=torch.float64)
        std = each.std().item() if blocks > 1 else None
        protocol = {
            **pictures.extractor.protocol,
            "real": blocks * block,
            "samples": blocks * block,
            "block": block,
            "blocks": blocks,
            **pictures.protocol,
        }
        return [MetricResult(self.named("kid"), each.mean().item(), "", "lower", std, protocol)]


def squared_discrepancy(real: Tensor, samples: Tensor) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy between vectors (N, D) and (N, D), in float64."""
    from torchmetrics.image.kid import poly_mmd

    return float(poly_mmd(real.double(), samples.double()))
