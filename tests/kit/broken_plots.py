"""Plots, each broken in one way, and the check that says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from zoo_core.interfaces import Batch
from zoo_core.model import Model

from .originals import PlainPlot


class DrawsNothing(PlainPlot):
    """Leaves the figure empty."""

    def draw(self, figure: Any, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        return


class EmptyAxes(PlainPlot):
    """Axes with nothing on them."""

    def draw(self, figure: Any, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        figure.add_subplot()


class DrawsElsewhere(PlainPlot):
    """A figure of its own."""

    def draw(self, figure: Any, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        super().draw(type(figure)(), model, batches, generator)


class TwoPasses(PlainPlot):
    """Goes through the data twice."""

    def draw(self, figure: Any, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        assert sum(len(batch) for batch in batches) > 0
        super().draw(figure, model, batches, generator)


class InfinitelyWide(PlainPlot):
    """Divides by nothing."""

    def size(self, model: Model) -> tuple[float, float]:
        return float("inf"), 2.0


class Flat(PlainPlot):
    """No height."""

    def size(self, model: Model) -> tuple[float, float]:
        return 3.0, 0.0


class InPixels(PlainPlot):
    """Pixels for inches."""

    def size(self, model: Model) -> tuple[float, float]:
        return 640.0, 480.0


class UnseededPlot(PlainPlot):
    """Draws from the global generator."""

    def draws(self, model: Model, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn_like(super().draws(model, n, generator))


class MovesTheWeights(PlainPlot):
    """The model has other weights afterwards."""

    def draws(self, model: Model, n: int, generator: torch.Generator) -> Tensor:
        next(model.parts["decoder"].parameters()).mul_(0.99)
        return super().draws(model, n, generator)


PLOTS: Mapping[type[Any], str] = {
    DrawsNothing: "plot_draws_something",
    EmptyAxes: "plot_draws_something",
    DrawsElsewhere: "plot_draws_something",
    TwoPasses: "plot_draws_something",
    InfinitelyWide: "plot_size_is_finite",
    Flat: "plot_size_is_finite",
    InPixels: "plot_size_is_finite",
    UnseededPlot: "plots_are_seeded",
    MovesTheWeights: "plot_leaves_the_model_alone",
}
"""Each mutant and the check that catches it."""
