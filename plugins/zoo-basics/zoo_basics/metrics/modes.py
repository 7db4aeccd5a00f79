"""Modes: how many classes a model's samples fall into, and how evenly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, final

import torch
from annotated_types import Ge, Le
from torch import Tensor

from zoo_basics.metrics.drawn_samples import BATCH, DrawnSamples, SamplerSpec
from zoo_basics.metrics.extractor import DEFAULT, ChosenExtractor, Features, choose_extractor
from zoo_basics.metrics.feature_cache import FeatureCache
from zoo_basics.metrics.progress import tracked
from zoo_basics.metrics.real_images import RealImages
from zoo_core.interfaces import Batch, Figure, Metric

if TYPE_CHECKING:
    from zoo_core.model import Model


@final
class Modes(Metric):
    """The number of classes that a classifier finds among the samples, and the entropy of its labels on them.

    A collapsed model has few classes, or an entropy far below the data's. Both are also told of the real images, by the same
    classifier. Memory does not grow with the number of either.

    Figures: ``modes``, and ``label-entropy`` in nats, −Σ_c s_c ln s_c for the share s_c of class c; ``modes-data`` and
    ``label-entropy-data`` of the real images.

    Arguments:
        features: the classifier, see :data:`zoo_basics.metrics.extractor.Features`.
        layer: of the classifier; None is ``logits``.
        samples: how many are drawn.
        min_share: a class counts where at least this share of the images, and at least one, falls into it. Above 0, so
            that a classifier's slips are no modes.
        sampler: None is the recipe's.
        cache: keep the real images' label counts on disk, see :mod:`zoo_basics.metrics.feature_cache`.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"features": "digit-classifier", "sampler": "prior", "cache": False}
        return [{**small, "samples": 30}, {**small, "samples": 20, "min_share": 0.1}]

    def __init__(
        self,
        *,
        features: Features = DEFAULT,
        layer: str | None = None,
        samples: Annotated[int, Ge(1)] = 10_000,
        min_share: Annotated[float, Ge(0), Le(1)] = 0.001,
        sampler: SamplerSpec | None = None,
        cache: bool = True,
    ) -> None:
        self.features = features
        self.layer = layer
        self.samples = samples
        self.min_share = min_share
        self.sampler = sampler
        self.cache = cache

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[Figure]:
        """Four figures.

        Raises:
            UnknownName, SettingError, WeightsError: the classifier, see
                :func:`zoo_basics.metrics.extractor.choose_extractor`.
            SeamError: the model makes no pictures by itself.
            DataError: fewer than two images, or logits that are not finite.
        """
        classifier = choose_extractor(self.features, self.layer, model, "logits")
        drawn = DrawnSamples(model, self.sampler, generator)
        with RealImages(batches) as real:
            looked = tracked(real.batches(BATCH), real.count, "real images")
            cache = FeatureCache(classifier, real.sha256, enabled=self.cache)
            seen = cache.get("label counts", lambda: {"counts": label_counts(looked, classifier)})["counts"]
            count = real.count
        made = label_counts(tracked(drawn.batches(self.samples), self.samples, "samples"), classifier)
        protocol = {**classifier.protocol, "real": count, "samples": self.samples, "classes": len(made),
                    "min_share": self.min_share, "sampler": drawn.sampler}
        of_data = {key: value for key, value in protocol.items() if key not in ("samples", "sampler")}
        return [
            Figure("modes", modes(made, self.min_share), "classes", "higher", None, protocol),
            Figure("modes-data", modes(seen, self.min_share), "classes", "report", None, of_data),
            Figure("label-entropy", entropy(made), "nats", "report", None, protocol),
            Figure("label-entropy-data", entropy(seen), "nats", "report", None, of_data),
        ]


def label_counts(images: Iterable[Tensor], classifier: ChosenExtractor) -> Tensor:
    """How many of the images each class is the likeliest for: int64 (classes,), on the CPU."""
    counts = torch.zeros(classifier.width, dtype=torch.int64)
    for x in images:
        counts += torch.bincount(classifier(x).argmax(1).cpu(), minlength=classifier.width)
    return counts


def modes(counts: Tensor, min_share: float) -> int:
    """How many classes have at least ``min_share`` of all counts, and at least one."""
    return int((counts >= max(1.0, min_share * float(counts.sum()))).sum())


def entropy(counts: Tensor) -> float:
    """−Σ s ln s of the shares s that ``counts`` are, in nats."""
    return float(torch.special.entr(counts.double() / counts.sum()).sum())
