"""FID: the Fréchet distance between the features of real images and of samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, final

import torch
from annotated_types import Ge
from torch import Tensor, nn

from zoo_basics.metrics.drawn_samples import BATCH, DrawnSamples, SamplerSpec
from zoo_basics.metrics.extractor import DEFAULT, Features, choose_extractor
from zoo_basics.metrics.feature_cache import FeatureCache
from zoo_basics.metrics.progress import tracked
from zoo_basics.metrics.real_images import RealImages
from zoo_core.interfaces import Batch, Figure, Metric

if TYPE_CHECKING:
    from torchmetrics.image.fid import FrechetInceptionDistance

    from zoo_core.model import Model

_STATES = ("features_sum", "features_cov_sum", "features_num_samples")
"""torchmetrics' names for Σ f, Σ f fᵀ and the count, behind ``real_`` or ``fake_``."""


@final
class FID(Metric):
    """‖μ − μ_w‖² + Tr(C + C_w − 2 (C C_w)^½) for mean μ, μ_w and covariance C, C_w of features (Heusel et al. 2017, section 3).

    The real images are those of the measured split, all of them; the model's samples are as many as asked for. Memory
    does not grow with either. Sums and distance are in float64.

    The estimate is biased, and the more so the fewer images there are: two figures over different numbers of images, or
    through different extractors, cannot be compared.

    Figure: ``fid``.

    Arguments:
        features: the feature extractor, see :data:`zoo_basics.metrics.extractor.Features`.
        layer: of the extractor; None is its last before the logits. Of a map the mean over space is taken.
        samples: how many are drawn.
        sampler: None is the recipe's.
        cache: keep the real images' statistics on disk, see :mod:`zoo_basics.metrics.feature_cache`.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"features": "digit-classifier", "sampler": "prior", "cache": False}
        return [{**small, "samples": 80}, {**small, "samples": 20, "layer": "conv1"}]

    def __init__(
        self,
        *,
        features: Features = DEFAULT,
        layer: str | None = None,
        samples: Annotated[int, Ge(2)] = 10_000,
        sampler: SamplerSpec | None = None,
        cache: bool = True,
    ) -> None:
        self.features = features
        self.layer = layer
        self.samples = samples
        self.sampler = sampler
        self.cache = cache

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[Figure]:
        """One figure, ``fid``; where there are no more images than features, its protocol has a ``warning``.

        Raises:
            UnknownName, SettingError, WeightsError: the extractor, see
                :func:`zoo_basics.metrics.extractor.choose_extractor`.
            SeamError: the model makes no pictures by itself.
            DataError: fewer than two images, or features that are not finite.
        """
        extractor = choose_extractor(self.features, self.layer, model, "features")
        drawn = DrawnSamples(model, self.sampler, generator)
        with RealImages(batches) as real:
            seen = FeatureCache(extractor, real.sha256, enabled=self.cache).get(
                "moments",
                lambda: feature_moments(extractor(x) for x in tracked(real.batches(BATCH), real.count, "real images")),
            )
            count = real.count
        made = (extractor(x) for x in tracked(drawn.batches(self.samples), self.samples, "samples"))
        distance = frechet_distance(seen, made)
        protocol = {**extractor.protocol, "real": count, "samples": self.samples, "sampler": drawn.sampler}
        fewest = min(count, self.samples)
        if fewest <= extractor.width:
            protocol["warning"] = (
                f"{fewest:,} images for {extractor.width:,} features: the covariance is singular and the distance far too large"
            )
        return [Figure("fid", distance, "", "lower", None, protocol)]


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
