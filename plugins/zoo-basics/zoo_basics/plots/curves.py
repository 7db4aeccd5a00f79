"""Curves: how the terms of a run's losses went."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from zoo_core.errors import RunError, SettingError, shown
from zoo_core.interfaces import Batch, Plot
from zoo_core.storage import expanded
from zoo_core.training import read_lines

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model

PANELS_IN_A_ROW = 3
PANEL = (2.6, 2.0)
"""Width and height of a panel, in inches."""
DECADES = 1.0
"""Positive terms that span more than so many powers of ten get a logarithmic axis."""


class Series(NamedTuple):
    """One term as it was logged: epochs and values, NaN where the value was not finite."""

    epochs: list[float]
    values: list[float]


class Curves(Plot):
    """The terms of a run's losses against epochs, a panel each, and their means on validation data where the run validated. Terms
    that are positive and span more than a power of ten get a logarithmic axis.

    Arguments:
        run: the run's folder; without, the one that is plotted.
    """

    def __init__(self, *, run: str = "") -> None:
        self.run = run

    def size(self, model: Model) -> tuple[float, float]:
        panels = len(self._terms())
        columns = min(panels, PANELS_IN_A_ROW)
        return columns * PANEL[0], math.ceil(panels / columns) * PANEL[1] + 0.3

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """The panels.

        Raises:
            SettingError: there is no run folder.
            RunError: the run has not logged anything.
        """
        terms = self._terms()
        columns = min(len(terms), PANELS_IN_A_ROW)
        rows = math.ceil(len(terms) / columns)
        known = {}
        for number, (name, curves) in enumerate(terms.items()):
            axes = figure.add_subplot(rows, columns, number + 1)
            for what, series in curves.items():
                marks: dict[str, Any] = {"marker": "o", "markersize": 2.5} if len(series.epochs) < 30 else {}
                colour = "tab:blue" if what == "train" else "tab:orange"
                known[what] = axes.plot(*series, color=colour, linewidth=1.2, **marks)[0]
            if _wants_logarithm(curves.values()):
                axes.set_yscale("log")
            axes.set_title(name)
            axes.margins(x=0.02)
            if number + columns >= len(terms):  # nothing stands below it
                axes.set_xlabel("epoch")
        figure.legend(known.values(), known.keys(), loc="outside upper center", ncols=len(known))

    def _terms(self) -> dict[str, dict[str, Series]]:
        """Term to curves by the data that they are of, ``train`` and ``validation``."""
        if not self.run:
            raise SettingError(
                "curves are of a run, and this is none",
                hint="plot a run folder, or name one: --set curves.run=runs/vae-digits",
            )
        terms: dict[str, dict[str, Series]] = {}
        for what, name, epoch, value in _logged(expanded(self.run)):
            series = terms.setdefault(name, {}).setdefault(what, Series([], []))
            series.epochs.append(epoch)
            series.values.append(math.nan if value is None else value)
        if not terms:
            raise RunError(f"no curves in {shown(self.run)}: nothing is logged there", hint="name a run's folder")
        return terms


def _logged(folder: Path) -> Iterator[tuple[str, str, float, float | None]]:
    """Each value of metrics.jsonl in ``folder``: of which data, its term, its epoch, and itself.

    Raises:
        RunError: the file is damaged.
    """
    try:
        for line in read_lines(folder):
            for name, value in line["values"].items():
                yield str(line["what"]), str(name), float(line["epoch"]), None if value is None else float(value)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise RunError(f"the log of the run in {shown(folder)} cannot be read: {shown(error)}") from None


def _wants_logarithm(curves: Iterable[Series]) -> bool:
    values = [value for series in curves for value in series.values if math.isfinite(value)]
    return bool(values) and min(values) > 0 and math.log10(max(values) / min(values)) > DECADES
