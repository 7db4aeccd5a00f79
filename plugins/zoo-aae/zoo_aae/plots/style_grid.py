"""StyleGridPlot: every class in one style, row after row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le

from zoo_aae.class_names import Called, categories, category_names
from zoo_aae.samplers.style_grid import StyleGrid, classes_of
from zoo_core.drawing import CELL, draw_images
from zoo_core.interfaces import Batch, Need, Plot, Tags

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model


class StyleGridPlot(Plot):
    """Rows of pictures in one style each, with a column for each class and its name above (Figure 7).

    Arguments:
        rows: how many styles.
    """

    tags: ClassVar[Tags] = Tags(conditional=True)
    needs: ClassVar[Mapping[str, Need]] = StyleGrid.needs

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rows": 2}]

    def __init__(self, *, rows: Annotated[int, Ge(1), Le(100)] = 10) -> None:
        self.rows = rows

    def size(self, model: Model) -> tuple[float, float]:
        _, height, width = model.image_shape
        return classes_of(model) * CELL * width / height + 0.4, self.rows * CELL + 0.6

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """The grid.

        Raises:
            IncompatibleError: the model's pictures have no class.
        """
        columns = classes_of(model)
        x = StyleGrid()(model, self.rows * columns, generator).x
        called = category_names(model) if categories(model) else Called("class", [*model.labels.names])
        draw_images(
            figure.add_subplot(), x, columns, column_titles=called.names, columns_are=called.what, rows_are="style"
        )
