"""PrecisionRecall: how much of what a model makes looks real, and how much of what is real it makes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, final

import torch
from annotated_types import Ge
from torch import Tensor

from zoo_basics.metrics.drawn_samples import SamplerSpec
from zoo_basics.metrics.extractor import DEFAULT, Features
from zoo_basics.metrics.sample_metric import SampleMetric
from zoo_core.building import Wanted
from zoo_core.devices import has_float64
from zoo_core.errors import SettingError
from zoo_core.interfaces import Batch, MetricResult

if TYPE_CHECKING:
    from zoo_core.model import Model

ROWS = 500
"""Vectors whose distances to all others are in memory at once."""


@final
class PrecisionRecall(SampleMetric):
    """The share of samples inside the estimated manifold of real images, and of real images inside that of samples
    (Kynkäänniemi et al. 2019, section 3).

    A set's manifold is the union of balls around its features, each as wide as the distance to its k-th nearest neighbour
    in the set. As many real images as samples are compared. Their features are all in memory: at most 2 · ``samples``
    vectors; the time grows with the square of ``samples``.

    Figures: ``precision`` and ``recall``, fractions.

    Arguments:
        features: the feature extractor, see :data:`zoo_basics.metrics.extractor.Features`.
        layer: of the extractor; None is its last before the logits. Of a map the mean over space is taken.
        samples: how many are drawn at most, and how many real images are compared with at most; both numbers are the same.
        k: which neighbour.
        sampler: None is the recipe's.
        cache: keep the real images' features on disk, see :mod:`zoo_basics.metrics.feature_cache`.
    """

    wanted: ClassVar[Wanted] = "features"

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"features": "digit-classifier", "sampler": "prior", "cache": False}
        return [{**small, "samples": 30}, {**small, "samples": 20, "k": 1, "layer": "conv1"}]

    def __init__(
        self,
        *,
        features: Features = DEFAULT,
        layer: str | None = None,
        samples: Annotated[int, Ge(2)] = 10_000,
        k: Annotated[int, Ge(1)] = 3,
        sampler: SamplerSpec | None = None,
        cache: bool = True,
    ) -> None:
        super().__init__(features=features, layer=layer, samples=samples, sampler=sampler, cache=cache)
        self.k = k

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """Two figures, ``precision`` and ``recall``.

        Raises:
            UnknownName, WeightsError, IncompatibleError: see
                :meth:`~zoo_basics.metrics.sample_metric.SampleMetric.sample_features`.
            SettingError: see there; or there are no k + 1 images.
            DataError: fewer than two images, or features that are not finite.
        """
        samples = self.sample_features(model, generator)
        with self.real_features(batches, samples) as real:
            count = min(self.samples, real.count)
            if count <= self.k:
                raise SettingError(
                    f"neighbour {self.k} needs more than {self.k} images, there are {count}",
                    hint="take more, or a smaller k: --set precision-recall.k=1",
                )
            seen = real.block(count, 1)
        made = torch.cat(list(samples.batches(count)))
        seen = seen.to(made.device)
        protocol = {
            **samples.extractor.protocol,
            "real": count,
            "samples": count,
            "k": self.k,
            "sampler": samples.sampler,
        }
        return [
            MetricResult("precision", share_inside(made, seen, self.k), "fraction", "higher", None, protocol),
            MetricResult("recall", share_inside(seen, made, self.k), "fraction", "higher", None, protocol),
        ]


def share_inside(points: Tensor, manifold: Tensor, k: int) -> float:
    """The share of ``points`` (N, D) that lie in a ball around one of ``manifold`` (M, D), M > k, each as wide as the distance to its
    k-th nearest neighbour there (Kynkäänniemi et al. 2019, Eq. 1)."""
    inside = 0
    # k + 1 of them: each vector is its own nearest neighbour.
    radii = torch.cat([_distances(rows, manifold).kthvalue(k + 1, dim=1).values for rows in manifold.split(ROWS)])
    for rows in points.split(ROWS):
        inside += int((_distances(rows, manifold) <= radii).any(1).sum())
    return inside / len(points)


def _distances(rows: Tensor, others: Tensor) -> Tensor:
    """(N, D) and (M, D) to (N, M), in float64 where the device has it: neighbours may be very near."""
    width = torch.float64 if has_float64(rows.device) else torch.float32
    return torch.cdist(rows.to(width), others.to(width))
