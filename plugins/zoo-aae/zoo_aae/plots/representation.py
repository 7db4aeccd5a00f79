"""Representation: the sum of cluster head and style, coloured by class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge
from torch import Tensor

from zoo_aae.class_names import category_names
from zoo_aae.cluster_heads import ClusterHeadDecoder
from zoo_core.data import labels_for
from zoo_core.devices import float64
from zoo_core.drawing import class_names, draw_classes
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, Need, Plot

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model


class Representation(Plot):
    """Scatter of the final representations y W_C + z of the data, coloured by class, with the cluster heads marked (section 7,
    Figure 11).

    Two dimensions are drawn as they are. More are mapped by the linear map that sends the heads to points evenly spaced on a
    circle (Figure 11d), in the least-squares sense where there are more heads than dimensions.

    Arguments:
        examples: at most so many, from the beginning of the data.
    """

    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder", frozenset({"posterior.joint"})),
        "decoder": Need("decoder", frozenset({"decoder.heads"})),
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"examples": 12}]

    def __init__(self, *, examples: Annotated[int, Ge(1)] = 10_000) -> None:
        self.count = examples

    def size(self, model: Model) -> tuple[float, float]:
        return 5.0, 4.2

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """The scatter.

        Raises:
            DataError: there are no data.
        """
        from matplotlib.patheffects import withStroke

        decoder = cast(ClusterHeadDecoder, model.parts["decoder"])
        points, y, names = _represented(model, decoder, batches, self.count)
        heads = float64(decoder.heads.detach()).cpu()
        to_plane = plane(heads)
        axes = figure.add_subplot()
        draw_classes(axes, points.double() @ to_plane, y, names)
        outline = [withStroke(linewidth=2.5, foreground="white")]
        for (right, up), name in zip((heads @ to_plane).tolist(), category_names(model).names):
            axes.plot([right], [up], "o", markersize=11, markerfacecolor="white", markeredgecolor="black", alpha=0.85)
            axes.text(right, up, name, ha="center", va="center", fontsize=7, path_effects=outline)
        own = heads.shape[1] <= 2
        axes.set_xlabel("representation, dimension 1" if own else "linear map to the plane, dimension 1")
        axes.set_ylabel("dimension 2")
        axes.set_title("circled: cluster heads", loc="left")


def plane(heads: Tensor) -> Tensor:
    """The linear map (n, 2), applied from the right, of representations onto the plane for ``heads`` (K, n): the identity for n = 2,
    for n = 1 with a 0 beside it, else the least-squares solution of heads · map = K points evenly spaced on a circle whose
    neighbours are as far apart as the nearest two heads.
    """
    count, dimensions = heads.shape
    if dimensions <= 2:
        return torch.eye(dimensions, 2, dtype=heads.dtype)
    angles = torch.arange(count, dtype=heads.dtype) * (2 * math.pi / count)
    circle = torch.stack([angles.cos(), angles.sin()], dim=1)
    if count > 1:
        circle = circle * (torch.pdist(heads).min() / torch.pdist(circle).min())
    return torch.linalg.pinv(heads) @ circle


def _represented(
    model: Model, decoder: ClusterHeadDecoder, batches: Iterable[Batch], limit: int
) -> tuple[Tensor, Tensor | None, tuple[str, ...]]:
    """Representations (N, n) of the first ``limit`` examples, their classes, None where there are none, and what these are called."""
    points: list[Tensor] = []
    classes: list[Tensor] = []
    names: tuple[str, ...] = ()
    for batch in batches:
        cut = batch.rows(0, limit - sum(map(len, points)))
        points.append(decoder.represent(model.encode(cut.x, labels_for(model, cut, "encoder"))).float().cpu())
        if cut.y is not None:
            classes.append(cut.y.cpu())
            names = class_names(cut, model.labels)
        if sum(map(len, points)) >= limit:
            break
    if not points:
        raise DataError("there are no examples to draw")
    return torch.cat(points), torch.cat(classes) if classes else None, names
