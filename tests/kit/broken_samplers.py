"""Samplers and metrics, each broken in one way, and the check that says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from zoo_core.interfaces import Batch, MetricResult, Samples
from zoo_core.model import Model

from .originals import PlainMetric, PlainSampler


class OneTooMany(PlainSampler):
    """Ignores the count."""

    def codes(self, model: Model, n: int, generator: torch.Generator) -> Tensor:
        return super().codes(model, 8, generator)

    def labels(self, model: Model, n: int, conditions: Mapping[str, Any]) -> Tensor | None:
        return super().labels(model, 8, {})


class AroundZero(PlainSampler):
    """Pictures in [−1, 1]."""

    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        given = super().__call__(model, n, generator, **conditions)
        return Samples(2 * given.x - 1, given.z)


class BareTensor(PlainSampler):
    """A tensor in the place of Samples."""

    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Any:
        return super().__call__(model, n, generator, **conditions).x


class IgnoresTheGenerator(PlainSampler):
    """Draws from the global generator."""

    def codes(self, model: Model, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn_like(super().codes(model, n, generator))


class SeedsEachTime(PlainSampler):
    """The same pictures for every seed."""

    def codes(self, model: Model, n: int, generator: torch.Generator) -> Tensor:
        return super().codes(model, n, torch.Generator().manual_seed(0))


class LabelsOfItsOwn(PlainSampler):
    """Ignores the labels asked for."""

    def labels(self, model: Model, n: int, conditions: Mapping[str, Any]) -> Tensor | None:
        return super().labels(model, n, {})


class LeavesTraces(PlainSampler):
    """The model has other weights afterwards."""

    def codes(self, model: Model, n: int, generator: torch.Generator) -> Tensor:
        next(model.parts["decoder"].parameters()).mul_(0.99)
        return super().codes(model, n, generator)


class MeanOfMeans(PlainMetric):
    """Depends on how the data are cut into batches."""

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        means = [float((model.reconstruct(b.x) - b.x).square().mean()) for b in batches]
        return [MetricResult("mse", sum(means) / len(means))]


class UnseededFigure(PlainMetric):
    """A figure that no seed decides."""

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        return [MetricResult("mse", float(torch.rand(())))]


class InfiniteFigure(PlainMetric):
    """Divides by nothing."""

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        return [MetricResult("ratio", float("inf"))]


SAMPLERS_AND_METRICS: Mapping[type[Any], str] = {
    OneTooMany: "samples_are_pictures",
    AroundZero: "samples_are_pictures",
    BareTensor: "samples_are_pictures",
    IgnoresTheGenerator: "samples_are_seeded",
    SeedsEachTime: "seed_decides_samples",
    LabelsOfItsOwn: "samples_follow_labels",
    LeavesTraces: "model_is_left_alone",
    MeanOfMeans: "figures_do_not_depend_on_batches",
    UnseededFigure: "figures_are_seeded",
    InfiniteFigure: "figures_are_finite",
}
"""Each mutant and the check that catches it."""
