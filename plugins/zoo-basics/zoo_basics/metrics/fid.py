"""FID: the Fréchet distance between the features of real images and of samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor, nn

from zoo_basics.metrics.distance_metric import DistanceMetric
from zoo_core.interfaces import Batch, MetricResult

if TYPE_CHECKING:
    from torchmetrics.image.fid import FrechetInceptionDistance

    from zoo_core.model import Model

_STATES = ("features_sum", "features_cov_sum", "features_num_samples")
"""torchmetrics' names for Σ f, Σ f fᵀ and the count, behind ``real_`` or ``fake_``."""


@final
class FID(DistanceMetric):
    """‖μ − μ_w‖² + Tr(C + C_w − 2 (C C_w)^½) for mean μ, μ_w and covariance C, C_w of features (Heusel et al. 2017, section 3).

    The real images are those of the measured split, all of them; the model's samples are as many as asked for. Memory
    does not grow with either. Sums and distance are in float64.

    The estimate is biased, and the more so the fewer images there are: two figures over different numbers of images, or
    through different extractors, cannot be compared.

    MetricResult: ``fid``; of reconstructions ``reconstruction-fid``, the real images being all those that are not reconstructed.

    Arguments:
        of: ``samples``, or ``reconstructions`` of some of the images, which are compared with the others.
        features: the feature extractor, see :data:`zoo_basics.metrics.extractor.Features`.
        layer: of the extractor; None is its last before the logits. Of a map the mean over space is taken.
        samples: how many are drawn; of reconstructions, how many are made at most (half of the images, if they are fewer).
        sampler: None is the recipe's.
        cache: keep the real images' statistics on disk, see :mod:`zoo_basics.metrics.feature_cache`.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"features": "digit-classifier", "sampler": "prior", "cache": False}
        return [
            {**small, "samples": 80},
            {**small, "samples": 20, "layer": "conv1"},
            {"features": "digit-classifier", "cache": False, "of": "reconstructions"},
        ]

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """One figure; where there are no more images than features, its protocol has a ``warning``.

        Raises:
            UnknownName, WeightsError, IncompatibleError, SettingError: see
                :meth:`~zoo_basics.metrics.distance_metric.DistanceMetric.compared`.
            DataError: too few images, or features that are not finite.
        """
        with self.compared(model, batches, generator) as (real, made, count):
            moments = real.summed_up("moments", feature_moments)
            distance = frechet_distance(moments, made.batches(count))
        extractor = made.extractor
        protocol = {**extractor.protocol, "real": real.count, "samples": count, **made.protocol}
        fewest = min(real.count, count)
        if fewest <= extractor.width:
            protocol["warning"] = (
                f"{fewest:,} images for {extractor.width:,} features: the covariance is singular and the distance far too large"
            )
        return [MetricResult(self.named("fid"), distance, "", "lower", None, protocol)]


def feature_moments(features: Iterable[Tensor]) -> dict[str, Tensor]:
    """Σ f, Σ f fᵀ and the count of feature vectors (N, D) that come in batches: float64, and int64, on the CPU."""
    fid: FrechetInceptionDistance | None = None
    for batch in features:
        fid = fid or _accumulator(batch.shape[1])
        fid.update(batch.cpu().double(), real=True)
    if fid is None:
        raise ValueError("there are no features")
    return {name: getattr(fid, f"real_{name}").clone() for name in _STATES}


def frechet_distance(real: Mapping[str, Tensor], features: Iterable[Tensor]) -> float:
    """The Fréchet distance between the features that ``real`` was summed up from (:func:`feature_moments`) and ``features``.

    Covariances are those of samples (n − 1), as in Heusel et al.'s own program. Rounding is kept from going below 0.

    Arguments:
        features: (N, D) in batches, two vectors at least.
    """
    fid = _accumulator(real["features_sum"].shape[0])
    for name in _STATES:
        setattr(fid, f"real_{name}", real[name])
    for batch in features:
        # As float64: torchmetrics rounds its result to the width of what it was given.
        fid.update(batch.cpu().double(), real=False)
    return max(float(fid.compute()), 0.0)


def _accumulator(width: int) -> FrechetInceptionDistance:
    from torchmetrics.image.fid import FrechetInceptionDistance

    return FrechetInceptionDistance(feature=_Given(width))


@final
class _Given(nn.Module):
    """Stands where torchmetrics has its extractor: the features are there already."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_features = width

    def forward(self, features: Tensor) -> Tensor:
        return features
