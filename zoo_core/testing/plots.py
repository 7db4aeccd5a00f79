"""Checks of plots: something is drawn, of a finite size, seeded, and the model is left alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from zoo_core.interfaces import Batch, Plot
from zoo_core.interfaces.dataset import SplitName
from zoo_core.model import Model
from zoo_core.registry.parameter import parameters
from zoo_core.testing.determinism import global_generators_untouched
from zoo_core.testing.pictures import split_batches
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.samplers import model_around
from zoo_core.testing.subject import Subject
from zoo_core.training.logs import LOG_FILE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES = (10, 10, 10)
LARGEST = 100.0
"""Inches that a plot of a few small pictures may ask for, each way."""


def check_plot_draws_something(subject: Subject) -> None:
    """A plot puts axes onto the figure that it is given, and lines, points, pictures or texts onto them, in one pass over the data."""
    figure = _drawn(subject, model_around(subject), 0)
    if not figure.axes:
        raise CheckFailed("axes on the figure", found="none", do="draw with figure.add_subplot() or figure.subplots(…)")
    drawn = [
        axes for axes in figure.axes if axes.lines or axes.collections or axes.images or axes.patches or axes.texts
    ]
    if not drawn:
        raise CheckFailed("something drawn on the axes", found=f"{len(figure.axes)} empty axes")


def check_plot_size_is_finite(subject: Subject) -> None:
    """``size`` is a width and a height in inches, each more than 0 and for small pictures at most 100."""
    model = model_around(subject)
    with _prepared(subject, model, 0) as (plot, _):
        given: Any = plot.size(model)
    numbers = isinstance(given, tuple) and all(isinstance(side, int | float) for side in given)
    if not numbers or len(given) != 2 or not all(math.isfinite(side) and 0 < side <= LARGEST for side in given):
        raise CheckFailed(f"(width, height) in inches, from 0 to {LARGEST:g}", found=repr(given)[:80])


def check_plots_are_seeded(subject: Subject) -> None:
    """Same seed, same picture; all randomness comes from the generator."""
    model = model_around(subject)
    first = _pixels(_drawn(subject, model, 0))
    torch.rand(3)
    with global_generators_untouched("a plot"):
        second = _pixels(_drawn(subject, model, 0))
    if first != second:
        raise CheckFailed("the same picture from the same seed", found="another", do="pass generator= to every draw")


def check_plot_leaves_the_model_alone(subject: Subject) -> None:
    """The model is as it was: its weights and its statistics."""
    model = model_around(subject)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    _drawn(subject, model, 0)
    changed = [name for name, t in model.state_dict().items() if not torch.equal(t, before[name])]
    if changed:
        raise CheckFailed("the model as it was", found=f"{changed[0]} changed", do="work on copies")


def _batches(model: Model, name: SplitName) -> Iterator[Batch]:
    return split_batches(name, SIZES, model.image_shape, model.labels, model.modality)


@contextmanager
def _prepared(subject: Subject, model: Model, seed: int) -> Iterator[tuple[Plot, torch.Generator]]:
    """The plot, prepared, and the generator as it has left it; a plot that takes a run gets the log of a short one."""
    generator = torch.Generator().manual_seed(seed)
    with TemporaryDirectory() as folder, model.evaluating():
        lines = [{"what": "train", "round": n, "epoch": float(n), "values": {"elbo.nll": 1.0 / n}} for n in (1, 2, 3)]
        (Path(folder) / LOG_FILE).write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        plot: Plot = subject.fresh(settings={"run": folder} if "run" in parameters(subject.component) else {})
        plot.prepare(model, lambda name: _batches(model, name), generator)
        yield plot, generator


def _drawn(subject: Subject, model: Model, seed: int) -> Figure:
    from matplotlib.figure import Figure

    with _prepared(subject, model, seed) as (plot, generator):
        figure = Figure(figsize=(4, 3), layout="constrained")
        plot.draw(figure, model, _batches(model, "test"), generator)
    return figure


def _pixels(figure: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return bytes(canvas.buffer_rgba())
