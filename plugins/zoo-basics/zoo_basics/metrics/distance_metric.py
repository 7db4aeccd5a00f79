"""DistanceMetric: what the distances between features of real images and of a model's pictures have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

import torch
from annotated_types import Ge

from zoo_basics.metrics.drawn_samples import SamplerSpec
from zoo_basics.metrics.extractor import DEFAULT, Features, choose_extractor
from zoo_basics.metrics.real_features import RealFeatures
from zoo_basics.metrics.real_images import RealImages
from zoo_basics.metrics.reconstructed_features import ReconstructedFeatures
from zoo_basics.metrics.sample_features import SampleFeatures
from zoo_basics.metrics.sample_metric import SampleMetric
from zoo_core.building import Wanted
from zoo_core.errors import DataError, IncompatibleError, SettingError
from zoo_core.interfaces import Batch

if TYPE_CHECKING:
    from zoo_core.model import Model

Pictures = Literal["samples", "reconstructions"]


class DistanceMetric(SampleMetric):
    """A distance between the features of real images and of a model's samples, or of its reconstructions of other images.

    No image is both reconstructed and compared with: the estimates are of distances between independent draws, and a figure of
    reconstructions then says how far they are from being images of the data, not from the ones that they show. Which images are which
    is drawn from the seed.

    Arguments:
        of: the pictures that are compared with real images.
        features: the feature extractor, see :data:`zoo_basics.metrics.extractor.Features`.
        layer: of the extractor; None is its last before the logits. Of a map the mean over space is taken.
        samples: how many are drawn; of reconstructions, how many are made at most, half of the images being the most there can be.
        sampler: None is the recipe's; reconstructions take none.
        cache: keep what is known of the real images on disk, see :mod:`zoo_basics.metrics.feature_cache`.

    Raises:
        SettingError: a sampler for reconstructions.
    """

    wanted: ClassVar[Wanted] = "features"

    def __init__(
        self,
        *,
        of: Pictures = "samples",
        features: Features = DEFAULT,
        layer: str | None = None,
        samples: Annotated[int, Ge(2)] = 10_000,
        sampler: SamplerSpec | None = None,
        cache: bool = True,
    ) -> None:
        super().__init__(features=features, layer=layer, samples=samples, sampler=sampler, cache=cache)
        self.of: Pictures = of
        if sampler is not None and of == "reconstructions":
            raise SettingError("reconstructions are drawn by no sampler", hint='leave out sampler, or set of="samples"')

    @final
    @contextmanager
    def compared(
        self, model: Model, batches: Iterable[Batch], generator: torch.Generator
    ) -> Iterator[tuple[RealFeatures, SampleFeatures | ReconstructedFeatures, int]]:
        """The features of real images, those of the model's pictures, and how many of the latter there are. A context manager: they can
        be had within it.

        Raises:
            UnknownName, SettingError, WeightsError: the extractor, see :func:`zoo_basics.metrics.extractor.choose_extractor`.
            IncompatibleError: the model makes no samples by itself, or no reconstructions.
            DataError: fewer than two images, or than four to be split.
        """
        if self.of == "samples":
            samples = self.sample_features(model, generator)
            with self.real_features(batches, samples) as real:
                yield real, samples, self.samples
            return
        missing = [part for part in ("encoder", "decoder") if part not in model.parts]
        if missing:
            raise IncompatibleError(
                f"this model makes no reconstructions: it has no {' and no '.join(missing)}",
                hint='set of="samples", or measure an autoencoder',
            )
        extractor = choose_extractor(self.features, self.layer, model, self.wanted)
        with RealImages(batches) as images:
            if images.count < 4:
                raise DataError(
                    f"there should be at least four images, half of them to reconstruct, found {images.count}",
                    hint="choose another split, or a larger --limit",
                )
            order = torch.randperm(images.count, generator=generator)
            count = min(self.samples, images.count // 2)
            made = ReconstructedFeatures(extractor, model, images, order[:count])
            yield RealFeatures(extractor, images, cache=self.cache, rows=order[count:]), made, count

    @final
    def named(self, name: str) -> str:
        """The figure ``name`` of these pictures."""
        return name if self.of == "samples" else f"reconstruction-{name}"
