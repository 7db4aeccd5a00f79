"""Walk: pictures along the main axis of the prior."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge, Le
from torch import Tensor

from zoo_aae.class_names import component_names
from zoo_core.drawing import CELL, draw_images
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Batch, Need, Plot, Prior

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model


class Walk(Plot):
    """Pictures at evenly spaced positions along the prior's first axis, all others at their medians, row after row (Figure 4d).

    Before each row stand the classes that its positions are for, where the prior has a stretch for each and the model was trained
    with them; elsewhere the numbers of the stretches, if there are any.

    Arguments:
        steps: pictures in all.
        columns: pictures in a row.
    """

    needs: ClassVar[Mapping[str, Need]] = {
        "decoder": Need("decoder"),
        "prior": Need("prior", frozenset({"prior.percentiles"})),
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"steps": 7, "columns": 4}]

    def __init__(
        self, *, steps: Annotated[int, Ge(2), Le(10_000)] = 100, columns: Annotated[int, Ge(1), Le(100)] = 10
    ) -> None:
        self.steps = steps
        self.columns = min(columns, steps)

    def size(self, model: Model) -> tuple[float, float]:
        _, height, width = model.image_shape
        titles = 0.8 if self._stretches(model) else 0.2
        return self.columns * CELL * width / height + titles, math.ceil(self.steps / self.columns) * CELL + 0.4

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """The rows of the walk.

        Raises:
            IncompatibleError: the decoder takes a class, and the prior has no place for each.
        """
        stretches, labelled = self._stretches(model), "labels" in model.capabilities("decoder")
        if labelled and (stretches != model.labels.count or model.labels.type != "classes"):
            taken = "attributes" if model.labels.type == "attributes" else "a class"
            raise IncompatibleError(
                f"the decoder of this {model.recipe} takes {taken}, and its prior has no place for each to walk past",
                hint="see every class in one style: --what style-grid",
            )
        prior = cast(Prior, model.parts["prior"])
        positions = (torch.arange(self.steps, dtype=torch.float64) + 0.5) / self.steps
        u = torch.full((self.steps, prior.latent_dim), 0.5, dtype=torch.float64)
        u[:, 0] = positions
        z = prior.from_percentiles(u.to(model.device, model.dtype))
        stretch = (positions * max(stretches, 1)).long()
        called = component_names(model, stretches)
        draw_images(
            figure.add_subplot(),
            model.decode(z, stretch if labelled else None),
            self.columns,
            row_titles=self._titles(stretch, called.names) if stretches else (),
            rows_are=called.what if stretches else "",
            columns_are="row after row along the prior's first axis",
        )

    def _stretches(self, model: Model) -> int:
        """Into how many stretches, each for a class, the prior's first axis is cut; 0 where it is not."""
        return cast(Prior, model.parts["prior"]).components

    def _titles(self, stretch: Tensor, names: list[str]) -> list[str]:
        """For each row the names of its first and last stretch, or of its only one."""
        ends = [(names[int(row[0])], names[int(row[-1])]) for row in stretch.split(self.columns)]
        return [first if first == last else f"{first} – {last}" for first, last in ends]
