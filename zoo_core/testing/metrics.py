"""Checks of metrics: finite figures, seeded, the same however the data are cut into batches."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from zoo_core.interfaces import Batch, Metric, MetricResult
from zoo_core.interfaces.dataset import SplitName
from zoo_core.testing.determinism import global_generators_untouched
from zoo_core.testing.pictures import split_batches
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.samplers import model_around
from zoo_core.testing.subject import Subject


def _figures(subject: Subject, seed: int, sizes: tuple[int, ...] = (10, 10, 10)) -> list[MetricResult]:
    model = model_around(subject)
    metric: Metric = subject.fresh()

    def batches(name: SplitName) -> Iterator[Batch]:
        return split_batches(name, sizes, model.image_shape, model.labels, model.modality)

    generator = torch.Generator().manual_seed(seed)
    with model.evaluating():
        metric.prepare(model, batches, generator)
        given = metric(model, batches("test"), generator)
    if not isinstance(given, list) or not given or not all(isinstance(one, MetricResult) for one in given):
        raise CheckFailed(
            "a list of MetricResult", found=type(given).__name__, do="return [MetricResult(name, value, …)]"
        )
    return given


def check_figures_are_finite(subject: Subject) -> None:
    """A metric gives figures with names of their own and finite values, in one pass over the batches."""
    given = _figures(subject, 0)
    names = [figure.name for figure in given]
    if len(set(names)) != len(names):
        raise CheckFailed("a name of its own for each figure", found=str(names))
    for figure in given:
        if not isinstance(figure.value, float | int) or not math.isfinite(figure.value):
            raise CheckFailed(
                f"a finite number for {figure.name}",
                found=repr(figure.value)[:80],
                do="guard divisions, and give a plain number",
            )
        if figure.better not in ("higher", "lower", "report"):
            raise CheckFailed(f"better of {figure.name}: higher, lower or report", found=repr(figure.better)[:80])


def check_figures_are_seeded(subject: Subject) -> None:
    """Same seed, same figures; all randomness comes from the generator."""
    first = _figures(subject, 0)
    with global_generators_untouched("a metric"):
        second = _figures(subject, 0)
    if [f.value for f in first] != [f.value for f in second]:
        raise CheckFailed("the same figures from the same seed", found="others", do="pass generator= to every draw")


def check_figures_do_not_depend_on_batches(subject: Subject) -> None:
    """A metric without draws gives the same figures however the examples are cut into batches."""
    first, other = _figures(subject, 0), _figures(subject, 1)
    if [f.value for f in first] != [f.value for f in other]:
        return  # it draws
    cut = _figures(subject, 0, (7, 22, 1))
    for a, b in zip(first, cut, strict=True):
        if not math.isclose(a.value, b.value, rel_tol=1e-4, abs_tol=1e-6):
            raise CheckFailed(
                f"{a.name} to be the same for other batch sizes",
                found=f"{a.value:.6g} and {b.value:.6g}",
                do="add up over examples, and divide once at the end",
            )
