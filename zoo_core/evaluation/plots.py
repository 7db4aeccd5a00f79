"""plot: a model and data to a figure, by the names of plots."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from zoo_core.building.components import bind_component
from zoo_core.data.splits import Splits
from zoo_core.errors import RunError, SettingError, shown
from zoo_core.interfaces import Plot
from zoo_core.interfaces.dataset import SplitName
from zoo_core.model import Model
from zoo_core.noise import derive_seed
from zoo_core.storage.files import expanded, is_folder, write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure, FigureBase

FORMATS = (".png", ".pdf", ".svg")
"""What a figure can be written as."""

DOTS_PER_INCH = 200

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    # Fonts that publishers take, and the same bytes from the same figure.
    "pdf.fonttype": 42,
    "svg.hashsalt": "zoo",
}


def plot(
    model: Model,
    data: Any,
    what: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]],
    *,
    out: str | Path | None = None,
    split: SplitName = "test",
    limit: int | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    data_root: str | None = None,
    data_settings: Mapping[str, Any] | None = None,
    run: str | Path | None = None,
) -> Figure:
    """Draw plots of ``model``, side by side in one figure.

    Arguments:
        data: what is plotted, as :func:`zoo_core.open_dataset` takes it; it is read only where a plot asks for it, and may
            be None for plots that do not.
        what: names (``zoo list --kind plot``), or tables with ``name`` and parameters.
        out: where to write the figure: PNG, PDF or SVG, by its suffix; its folder is made.
        split: which split is plotted.
        limit: only its first so many examples; None takes all.
        seed: of all draws: same seed, same figure.
        data_root, data_settings: where data sets lie (plots of further ones are told), and parameters of this one.
        run: the run's folder, for plots of its history.

    Raises:
        UnknownName, SettingError, IncompatibleError: a plot that is not there, or not for this model.
        RunError: the figure cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from zoo_core.devices.process import processes

    path = None if out is None else writable(out)
    asked = [what] if isinstance(what, str | Mapping) else what
    context = {"run": None if run is None else str(run), "data_root": data_root}
    plots: list[Plot] = [bind_component(model, "plot", one, **context) for one in asked]
    if not plots:
        raise SettingError("no plot asked for", hint="see zoo list --kind plot")
    if limit is not None and limit < 1:
        raise SettingError(f"limit should be at least 1, got {limit}")
    model.to(processes(device).device)
    splits = Splits(model, data, root=data_root, settings=data_settings)
    with model.evaluating(torch.Generator().manual_seed(derive_seed(seed, "parts"))), rc_context(_STYLE):
        generators = [torch.Generator().manual_seed(seed) for _ in plots]
        for one, generator in zip(plots, generators):
            one.prepare(model, splits.batches, generator)
        sizes = [one.size(model) for one in plots]
        width, height = sum(width for width, _ in sizes), max(height for _, height in sizes)
        figure = Figure(figsize=(width, height), layout="constrained")
        parts = _side_by_side(figure, [width for width, _ in sizes])
        for one, part, generator in zip(plots, parts, generators):
            one.draw(part, model, splits.batches(split, limit), generator)
        if path is not None:
            _write(figure, path)
    return figure


def writable(out: str | Path) -> Path:
    """``out`` with its ``~`` put in full; a folder that is not there is made when the figure is written.

    Raises:
        SettingError: its suffix is none of :data:`FORMATS`.
        RunError: its folder is not there and cannot be made, or nothing can be written there.
    """
    path = expanded(out)
    if path.suffix.lower() not in FORMATS:
        raise SettingError(f"{shown(path)}: a figure is written as {', '.join(FORMATS)}", hint="e.g. --out figure.png")
    nearest = next(folder for folder in path.absolute().parents if os.path.exists(folder))
    if not (is_folder(nearest) and os.access(nearest, os.W_OK)):
        raise RunError(
            f"{shown(path)} cannot be written: nothing can be made in {shown(nearest)}",
            hint="choose another folder with --out",
        )
    return path


def _side_by_side(figure: Figure, widths: Sequence[float]) -> Sequence[FigureBase]:
    if len(widths) == 1:
        return [figure]
    return cast("Sequence[FigureBase]", figure.subfigures(1, len(widths), width_ratios=widths))


def _write(figure: Figure, path: Path) -> None:
    """Write ``figure`` atomically, without the date that PDF and SVG would hold."""
    kind = path.suffix.lower().removeprefix(".")
    undated = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[kind]
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, metadata=undated)
    write_bytes(path, buffer.getvalue())
