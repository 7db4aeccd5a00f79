"""ParzenLogLikelihood: test data under a kernel density of a model's samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from zoo_aae.metrics.parzen_window import ParzenWindow
from zoo_aae.metrics.prior_draws import prior_pictures
from zoo_core.distributions import to_float32
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, Metric, MetricResult, Need, SplitName

if TYPE_CHECKING:
    from zoo_core.model import Model

GRID = tuple(10 ** (step / 9 - 1) for step in range(10))
"""The bandwidths that are tried first: ten from 0.1 to 1, evenly spaced on a log scale."""

FINE_STEPS = 10
"""Into so many steps each side of the best of them is then cut."""

MOST_SHIFTS = 4
"""So often the first grid is moved on where its best bandwidth is its last one."""


class ParzenLogLikelihood(Metric):
    """Mean over the examples of log (1/M) Σ_m N(x; x̃_m, σ²I), in nats, for M samples x̃_m of the model.

    x is flattened, real-valued in [0, 1]; samples are the decoder's means for draws from the prior. The procedure of
    Goodfellow et al. 2014 (section 5) behind Table 1 of Makhzani et al. 2016 (section 3): σ is the bandwidth of the largest
    mean log-density on the validation split, under as many samples. Ten bandwidths from 0.1 to 1 are tried (where the best
    is an end, the next decade too), then 19 between the neighbours of the best.

    The estimate grows with M, is high for models that repeat their training images, and says little between models of
    different kinds (Theis et al. 2016): compare like with like, at the same M.

    Arguments:
        samples: M; any number, as they are never kept.
        sigma: σ, in grey levels of [0, 1]; None chooses it on validation.
        chunk: so many samples are made and compared at once; memory grows with it, the estimate does not depend on it but
            for the order of the draws.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"samples": 50, "chunk": 20}, {"samples": 20, "sigma": 0.2}]

    needs: ClassVar[Mapping[str, Need]] = {"decoder": Need("decoder"), "prior": Need("prior")}

    def __init__(
        self,
        *,
        samples: Annotated[int, Ge(1)] = 10_000,
        sigma: Annotated[float, Gt(0)] | None = None,
        chunk: Annotated[int, Ge(1)] = 2048,
    ) -> None:
        self.samples = samples
        self.sigma = sigma
        self.chunk = chunk
        self._chosen: tuple[float, int] | None = None

    def prepare(self, model: Model, split: Callable[[SplitName], Iterable[Batch]], generator: torch.Generator) -> None:
        """Choose σ on ``validation``, unless it is set."""
        if self.sigma is not None:
            return
        points = _points(split("validation"))
        state = generator.get_state()

        def mean_densities(sigmas: Sequence[float]) -> list[float]:
            generator.set_state(state)  # the same samples for every grid
            densities: list[float] = self._window(model, points, sigmas, generator).log_density().mean(dim=1).tolist()
            return densities

        self._chosen = (best_sigma(mean_densities), len(points))

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """One figure, ``parzen-log-likelihood``, with its standard error over the examples and σ in its protocol.

        Raises:
            IncompatibleError: σ is to be chosen, and the metric was not prepared.
            DataError: there are no examples.
        """
        if self.sigma is not None:
            sigma, chosen = self.sigma, {}
        elif self._chosen is not None:
            sigma, chosen = self._chosen[0], {"chosen_on": "validation", "chosen_from": self._chosen[1]}
        else:
            raise self.unprepared()
        points = _points(batches)
        each = self._window(model, points, (sigma,), generator).log_density()[0]
        error = each.std().item() / math.sqrt(len(each)) if len(each) > 1 else None
        protocol = {"examples": len(points), "samples": self.samples, "sigma": sigma, **chosen}
        return [MetricResult("parzen-log-likelihood", each.mean().item(), "nats", "higher", error, protocol)]

    def _window(
        self, model: Model, points: Tensor, sigmas: Sequence[float], generator: torch.Generator
    ) -> ParzenWindow:
        """The density of ``samples`` fresh samples at ``points``."""
        window = ParzenWindow(points, sigmas)
        for pictures in prior_pictures(model, self.samples, generator, self.chunk):
            window.add(pictures.flatten(1).to(points.dtype))
        return window


def best_sigma(mean_densities: Callable[[Sequence[float]], Sequence[float]]) -> float:
    """The bandwidth of the largest density: the first grid, moved on where its end is the best, then a finer one.

    Arguments:
        mean_densities: bandwidths to their densities.
    """
    grid = GRID
    for _ in range(MOST_SHIFTS):
        best = _best(grid, mean_densities)
        if best not in (grid[0], grid[-1]):
            break
        # The end of this grid stands inside the next one, with room on both sides.
        grid = tuple(sigma * best / GRID[len(GRID) // 2] for sigma in GRID)
    ratio = GRID[1] / GRID[0]
    steps = range(1 - FINE_STEPS, FINE_STEPS)
    return _best([best * ratio ** (step / FINE_STEPS) for step in steps], mean_densities)


def _best(sigmas: Sequence[float], mean_densities: Callable[[Sequence[float]], Sequence[float]]) -> float:
    densities = mean_densities(sigmas)
    return max(zip(densities, sigmas))[1]


def _points(batches: Iterable[Batch]) -> Tensor:
    """All images as rows, (N, D), at least in float32."""
    rows = [batch.x.flatten(1) for batch in batches if len(batch)]
    if not rows:
        raise DataError("there are no examples to measure", hint="choose another split")
    return to_float32(torch.cat(rows))
