"""What plots draw alike on matplotlib axes: pictures in a grid, and points coloured by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from zoo_core.drawing.grids import grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from zoo_core.interfaces import Batch, Labels

CELL = 0.4
"""Side of a picture in a grid, in inches, where nothing says otherwise."""

UNKNOWN = "0.75"
"""The grey of points whose class is not known."""

FRAME = "tab:orange"

_LONGEST_LEVEL = 6
"""Characters of a column's title that still fit above a cell; longer ones are turned."""
_LEGEND_ROWS = 20


def draw_images(
    axes: Axes,
    x: Tensor,
    columns: int,
    *,
    gap: int = 2,
    column_titles: Sequence[str] = (),
    row_titles: Sequence[str] = (),
    row_ends: Sequence[str] = (),
    columns_are: str = "",
    rows_are: str = "",
    framed: int | None = None,
) -> None:
    """Pictures side by side, pixel by pixel, without ticks and frame.

    Arguments:
        x: (N, C, H, W) in [0, 1], row after row.
        columns: pictures in a row.
        gap: white pixels between two pictures.
        column_titles: above the columns, from the left.
        row_titles, row_ends: before and behind the rows, from the top.
        columns_are, rows_are: what a column and a row stand for: ``class``.
        framed: the column with a frame around it, to tell it from the others.
    """
    axes.imshow(grid(x, columns, gap=gap), interpolation="nearest")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labeltop=bool(column_titles), labelbottom=False)
    height, width = x.shape[2] + gap, x.shape[3] + gap
    turned = max(map(len, column_titles), default=0) > _LONGEST_LEVEL
    how: dict[str, Any] = {"rotation": 45, "ha": "left", "rotation_mode": "anchor"} if turned else {}
    axes.set_xticks([gap + i * width + (x.shape[3] - 1) / 2 for i in range(len(column_titles))], column_titles, **how)
    centres = [gap + i * height + (x.shape[2] - 1) / 2 for i in range(max(len(row_titles), len(row_ends)))]
    axes.set_yticks(centres[: len(row_titles)], row_titles)
    axes.set_xlabel(columns_are)
    axes.xaxis.set_label_position("top" if column_titles else "bottom")
    axes.set_ylabel(rows_are)
    if framed is not None:
        from matplotlib.patches import Rectangle

        corner, rows = (gap + framed * width - gap / 2 - 0.5, gap / 2 - 0.5), math.ceil(len(x) / columns)
        frame = Rectangle(corner, width, rows * height, fill=False, edgecolor=FRAME, linewidth=1.5, clip_on=False)
        axes.add_patch(frame)
    # Not as ticks of a second axis, for which a constrained layout leaves no room.
    for centre, text in zip(centres, row_ends):
        axes.annotate(
            text,
            (1, centre),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )


def class_colours(count: int) -> list[tuple[float, float, float]]:
    """A colour for each of ``count`` classes, as red, green and blue in [0, 1]: tab10 up to ten, tab20 up to twenty, then steps
    around a rainbow."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    if count <= 20:
        return [to_rgb(colour) for colour in colormaps["tab10" if count <= 10 else "tab20"].colors[:count]]  # type: ignore[attr-defined]
    return [to_rgb(colormaps["turbo"](i / (count - 1))) for i in range(count)]


def class_names(batch: Batch, labels: Labels) -> tuple[str, ...]:
    """What the classes of ``batch`` are called: as its data set calls them, else as a model's ``labels`` do."""
    named = labels if batch.labels.type == "none" else batch.labels
    return named.names if named.type == "classes" else ()


def draw_classes(axes: Axes, points: Tensor, y: Tensor | None, names: Sequence[str]) -> None:
    """Points coloured by class, with a legend beside them, on axes of equal scale.

    Arguments:
        points: (N, 2).
        y: classes (N,), −1 where not known; None draws all points alike and no legend.
        names: of the classes; those beyond are called by their numbers.
    """
    from matplotlib.lines import Line2D

    axes.set_aspect("equal", adjustable="datalim")
    at = points.detach().cpu().numpy()
    # Large sets are drawn with small dots; as pixels in a PDF, too, where ten thousand shapes would take seconds to show.
    look: dict[str, Any] = {
        "s": min(16.0, max(2.5, 20_000 / max(len(at), 1))),
        "linewidths": 0,
        "alpha": 0.8,
        "rasterized": True,
    }
    if y is None:
        axes.scatter(at[:, 0], at[:, 1], color=class_colours(1), **look)
        return
    classes = y.tolist()
    known = [*names, *(str(i) for i in range(len(names), max(classes, default=-1) + 1))]
    colours: list[object] = [*class_colours(len(known)), UNKNOWN]  # −1 is the last
    axes.scatter(at[:, 0], at[:, 1], c=[colours[i] for i in classes], **look)
    shown = [*known, *(["unknown"] if -1 in classes else [])]
    marks = [
        Line2D([], [], color=colour, marker="o", markersize=5, linestyle="")  # type: ignore[arg-type]
        for colour in colours[: len(shown)]
    ]
    axes.legend(
        marks,
        shown,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        ncols=math.ceil(len(shown) / _LEGEND_ROWS),
        handletextpad=0.1,
        columnspacing=0.8,
    )
