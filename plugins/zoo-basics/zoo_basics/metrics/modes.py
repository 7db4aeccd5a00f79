"""Modes: how many classes a model's samples fall into, and how evenly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, final

import torch
from annotated_types import Ge, Le
from torch import Tensor

from zoo_basics.metrics.drawn_samples import SamplerSpec
from zoo_basics.metrics.extractor import DEFAULT, Features
from zoo_basics.metrics.sample_metric import SampleMetric
from zoo_core.building import Wanted
from zoo_core.interfaces import Batch, MetricResult

if TYPE_CHECKING:
    from zoo_core.model import Model


@final
class Modes(SampleMetric):
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

    wanted: ClassVar[Wanted] = "logits"

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
        super().__init__(features=features, layer=layer, samples=samples, sampler=sampler, cache=cache)
        self.min_share = min_share

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """Four figures.

        Raises:
            UnknownName, WeightsError, IncompatibleError, SettingError: see
                :meth:`~zoo_basics.metrics.sample_metric.SampleMetric.sample_features`.
            DataError: fewer than two images, or logits that are not finite.
        """
        samples = self.sample_features(model, generator)
        classes = samples.extractor.width
        with self.real_features(batches, samples) as real:
            seen = real.summed_up("label counts", lambda logits: {"counts": label_counts(logits, classes)})["counts"]
        made = label_counts(samples.batches(self.samples), classes)
        protocol = {
            **samples.extractor.protocol,
            "real": real.count,
            "samples": self.samples,
            "classes": classes,
            "min_share": self.min_share,
            "sampler": samples.sampler,
        }
        of_data = {key: value for key, value in protocol.items() if key not in ("samples", "sampler")}
        return [
            MetricResult("modes", modes(made, self.min_share), "classes", "higher", None, protocol),
            MetricResult("modes-data", modes(seen, self.min_share), "classes", "report", None, of_data),
            MetricResult("label-entropy", entropy(made), "nats", "report", None, protocol),
            MetricResult("label-entropy-data", entropy(seen), "nats", "report", None, of_data),
        ]


def label_counts(logits: Iterable[Tensor], classes: int) -> Tensor:
    """How often each class has the largest of the logits (N, classes), which come in batches: int64 (classes,), on the CPU."""
    counts = torch.zeros(classes, dtype=torch.int64)
    for batch in logits:
        counts += torch.bincount(batch.argmax(1).cpu(), minlength=classes)
    return counts


def modes(counts: Tensor, min_share: float) -> int:
    """How many classes have at least ``min_share`` of all counts, and at least one."""
    return int((counts >= max(1.0, min_share * float(counts.sum()))).sum())


def entropy(counts: Tensor) -> float:
    """−Σ s ln s of the shares s that ``counts`` are, in nats."""
    return float(torch.special.entr(counts.double() / counts.sum()).sum())
