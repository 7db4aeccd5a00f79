"""Edits: images along the directions of attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le, MinLen
from torch import Tensor

from zoo_core.drawing import draw_images
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, Need, Plot
from zoo_introvac.directions import place_of, told_by
from zoo_introvac.editing import moved

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model

SIDE = 0.7
"""Of a picture, in inches."""


class Edits(Plot):
    """Images, their reconstructions, and pictures of their codes moved by δ along the direction of an attribute, from less to more of it:
    a sheet for each attribute (Maggipinto, Terzi and Susto 2020, Figures 4 to 6).

    Arguments:
        attributes: names; none means all that the head tells.
        deltas: how far, in units of z.
        images: rows of a sheet.
    """

    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder"),
        "decoder": Need("decoder"),
        "head": Need("head", frozenset({"head.linear"})),
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"images": 2}, {"images": 3, "deltas": [-1.0, 2.5], "labels": "attributes"}]

    def __init__(
        self,
        *,
        attributes: tuple[str, ...] = (),
        deltas: Annotated[tuple[Annotated[float, Ge(-1000), Le(1000)], ...], MinLen(1)] = (
            -6.0,
            -4.0,
            -2.0,
            2.0,
            4.0,
            6.0,
        ),
        images: Annotated[int, Ge(1), Le(1000)] = 6,
    ) -> None:
        self.attributes, self.deltas, self.images = attributes, deltas, images

    def size(self, model: Model) -> tuple[float, float]:
        sheets = len(self.attributes or told_by(model).names)
        _, height, width = model.image_shape
        return (2 + len(self.deltas)) * SIDE * width / height, sheets * (self.images * SIDE + 0.6)

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """The sheets.

        Raises:
            SettingError: an attribute that the head does not know.
            DataError: there are no images.
        """
        names = self.attributes or told_by(model).names
        for name in names:
            place_of(model, name)
        x = _first(batches, self.images).to(model.device, model.dtype)
        z = model.encode(x)
        panels = figure.subplots(len(names), 1, squeeze=False)[:, 0]
        titles = ["image", "δ = 0", *(f"{delta:+g}" for delta in self.deltas)]
        for name, panel in zip(names, panels, strict=True):
            pictures = [x, *(model.decode(moved(model, z, {name: delta})) for delta in (0.0, *self.deltas))]
            sheet = torch.stack(pictures, 1).flatten(0, 1).clamp(0, 1)
            draw_images(panel, sheet, len(titles), column_titles=titles, rows_are=name)


def _first(batches: Iterable[Batch], n: int) -> Tensor:
    images: list[Tensor] = []
    for batch in batches:
        images.append(batch.x[: n - sum(map(len, images))])
        if sum(map(len, images)) >= n:
            break
    if not images:
        raise DataError("there are no images to edit")
    return torch.cat(images)
