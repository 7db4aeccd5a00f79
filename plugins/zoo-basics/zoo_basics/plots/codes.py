"""Codes: the codes of the data, coloured by class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import torch
from annotated_types import Ge
from torch import Tensor

from zoo_basics.plots.projection import Projection, as_it_is, by_pca
from zoo_basics.samplers.codes import draw_codes
from zoo_core.data import labels_for
from zoo_core.drawing import class_names, draw_classes
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, Need, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model

DRAWS = 50_000
"""Of the prior, for its density."""


class Codes(Plot):
    """Scatter of the posterior means of the data, coloured by class (Makhzani et al. 2016, Figure 2).

    Where the decoder maps codes to a representation of its own (capability ``decoder.represent``), that is drawn. Codes of
    more than two dimensions are projected onto their first two principal components, with each one's share of the variance in
    the title of its axis.

    Arguments:
        examples: at most so many, from the beginning of the data.
        background: shade the prior's density behind the codes, by draws.
    """

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder")}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"examples": 12, "background": True}]

    def __init__(self, *, examples: Annotated[int, Ge(1)] = 10_000, background: bool = False) -> None:
        self.count = examples
        self.background = background

    def size(self, model: Model) -> tuple[float, float]:
        return (5.0 if model.labels.type == "classes" else 4.4), 4.2

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """The scatter.

        Raises:
            IncompatibleError: a background is asked for, and the model has no prior.
            DataError: there are no data.
        """
        codes, y, names = encoded(model, batches, self.count)
        projection = as_it_is(codes) if codes.shape[1] <= 2 else by_pca(codes)
        axes = figure.add_subplot()
        draw_classes(axes, projection(codes), y, names)
        if self.background:
            _shade(axes, projection(represented(model, draw_codes(model, DRAWS, generator, None)).cpu()))
        _title(axes, projection)


class Encoded(NamedTuple):
    """Codes (N, D), their classes (N,), None where there are none, and what the classes are called."""

    codes: Tensor
    y: Tensor | None
    names: tuple[str, ...]


def encoded(
    model: Model, batches: Iterable[Batch], limit: int, code: Callable[[Batch], Tensor] | None = None
) -> Encoded:
    """The first ``limit`` examples.

    Arguments:
        code: an example's point, (N, D); None is the posterior's mean, as the decoder represents it.

    Raises:
        DataError: there are no examples.
    """

    def mean(cut: Batch) -> Tensor:
        return represented(model, model.encode(cut.x, labels_for(model, cut, "encoder")))

    codes: list[Tensor] = []
    classes: list[Tensor] = []
    names: tuple[str, ...] = ()
    left = limit
    for batch in batches:
        cut = batch.rows(0, left)
        codes.append((code or mean)(cut).float().cpu())
        if cut.y is not None:
            classes.append(cut.y.cpu())
            names = class_names(cut, model.labels)
        left -= len(cut)
        if left <= 0:
            break
    if not codes:
        raise DataError("there are no examples to draw")
    return Encoded(torch.cat(codes), torch.cat(classes) if classes else None, names)


def represented(model: Model, codes: Tensor) -> Tensor:
    """What the decoder makes of ``codes`` (N, latent_dim) before it decodes, where it says so (``decoder.represent``), else
    ``codes``."""
    if "decoder.represent" not in model.capabilities("decoder"):
        return codes
    represent: Any = model.parts["decoder"]
    given: Tensor = represent.represent(codes)
    return given


def _title(axes: Axes, projection: Projection) -> None:
    horizontal, vertical = projection.titles
    axes.set_xlabel(horizontal)
    axes.set_ylabel(vertical)


def _shade(axes: Axes, draws: Tensor) -> None:
    """The density of ``draws`` (N, 2) in grey, behind everything else; a thousandth on each side is left out."""
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap

    points = draws.double().numpy()
    edges = np.quantile(points, (0.001, 0.999), axis=0)
    counts, x, y = np.histogram2d(points[:, 0], points[:, 1], bins=80, range=[*map(list, edges.T)])
    grey = LinearSegmentedColormap.from_list("density", ["1.0", "0.7"])
    axes.pcolormesh(x, y, counts.T, cmap=grey, zorder=0, rasterized=True)
