"""SampleMetric: what all metrics over the features of a model's samples have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, ClassVar, final

import torch
from annotated_types import Ge

from zoo_basics.metrics.drawn_samples import DrawnSamples, SamplerSpec
from zoo_basics.metrics.extractor import DEFAULT, Features, choose_extractor
from zoo_basics.metrics.real_features import RealFeatures
from zoo_basics.metrics.real_images import RealImages
from zoo_basics.metrics.sample_features import SampleFeatures
from zoo_core.building import Wanted
from zoo_core.interfaces import Batch, Metric

if TYPE_CHECKING:
    from zoo_core.model import Model


class SampleMetric(Metric):
    """A metric that looks at samples, and mostly at real images too, through a feature extractor.

    Arguments:
        features: the feature extractor, see :data:`zoo_basics.metrics.extractor.Features`.
        layer: of the extractor; None is the usual one for what is ``wanted``. Of a map the mean over space is taken.
        samples: how many are drawn.
        sampler: None is the recipe's.
        cache: keep what is known of the real images on disk, see :mod:`zoo_basics.metrics.feature_cache`.
    """

    wanted: ClassVar[Wanted]

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

    @final
    def sample_features(self, model: Model, generator: torch.Generator) -> SampleFeatures:
        """The features of samples of ``model``, through the extractor that is asked for.

        Raises:
            UnknownName, SettingError, WeightsError: the extractor, see
                :func:`zoo_basics.metrics.extractor.choose_extractor`.
            IncompatibleError: the model makes no pictures by itself.
        """
        extractor = choose_extractor(self.features, self.layer, model, self.wanted)
        return SampleFeatures(extractor, DrawnSamples(model, self.sampler, generator))

    @final
    @contextmanager
    def real_features(self, batches: Iterable[Batch], samples: SampleFeatures) -> Iterator[RealFeatures]:
        """The features of the images in ``batches``, through the extractor of ``samples``. A context manager: they can be
        had within it.

        Raises:
            DataError: fewer than two images.
        """
        with RealImages(batches) as images:
            yield RealFeatures(samples.extractor, images, cache=self.cache)
