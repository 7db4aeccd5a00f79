"""SamplesPlot: draws from the prior, and what in the training images is nearest to some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le
from torch import Tensor

from zoo_basics.samplers.prior import PriorSampler
from zoo_core.data import nearest
from zoo_core.drawing import CELL, draw_images
from zoo_core.interfaces import Batch, Need, Plot, SplitName

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model


class SamplesPlot(Plot):
    """A grid of decoded draws from the prior. For models that take labels the classes come in turn.

    Arguments:
        rows, columns: of the grid.
        nearest: behind the last column stand the training images that are nearest to its pictures in Euclidean distance
            (Makhzani et al. 2016, Figure 5), which would show a model that copies them.
    """

    needs: ClassVar[Mapping[str, Need]] = PriorSampler.needs

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rows": 2, "columns": 3}, {"rows": 2, "columns": 2, "nearest": True}]

    def __init__(
        self,
        *,
        rows: Annotated[int, Ge(1), Le(100)] = 8,
        columns: Annotated[int, Ge(1), Le(100)] = 10,
        nearest: bool = False,
    ) -> None:
        self.rows = rows
        self.columns = columns
        self.nearest = nearest
        self._found: tuple[Tensor, Tensor] | None = None

    def prepare(self, model: Model, split: Callable[[SplitName], Iterable[Batch]], generator: torch.Generator) -> None:
        """Draw the samples, and look for the training images nearest to the last column."""
        if self.nearest:
            x = self._draws(model, generator)
            self._found = x, nearest(x[self.columns - 1 :: self.columns], split("train")).images

    def size(self, model: Model) -> tuple[float, float]:
        _, height, width = model.image_shape
        columns = self.columns + (1 if self.nearest else 0)
        return columns * CELL * width / height + 0.2, self.rows * CELL + (0.4 if self.nearest else 0.2)

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """The grid, and the nearest images in a column of their own where :meth:`prepare` has found them."""
        axes = figure.add_subplot()
        if self._found is None:
            draw_images(axes, self._draws(model, generator), self.columns)
            return
        x, found = self._found
        rows = torch.cat([x.unflatten(0, (self.rows, self.columns)), found.unsqueeze(1)], dim=1)
        draw_images(axes, rows.flatten(0, 1), self.columns + 1, framed=self.columns)
        axes.set_title("framed: nearest training images", loc="right")

    def _draws(self, model: Model, generator: torch.Generator) -> Tensor:
        return PriorSampler()(model, self.rows * self.columns, generator).x
