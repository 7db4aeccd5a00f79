"""Clusters: heads of clusters, with images that belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge, Le
from torch import Tensor
from torch.nn.functional import one_hot

from zoo_aae.class_names import categories, category_names
from zoo_core.data import labels_for
from zoo_core.drawing import CELL, class_names, draw_images
from zoo_core.interfaces import Batch, Decoder, Need, Plot

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model


class Members:
    """The images of one cluster: how many of each class, and a random few of them.

    Arguments:
        few: how many images are kept.
        image_shape: (C, H, W).
    """

    def __init__(self, few: int, image_shape: tuple[int, int, int]) -> None:
        self.few = few
        self.size = 0
        self.classes = torch.zeros(0, dtype=torch.int64)
        self.images = torch.zeros(0, *image_shape)
        self._lots = torch.zeros(0)

    def add(self, x: Tensor, y: Tensor | None, lots: Tensor) -> None:
        """Images x (N, C, H, W) with their classes y (N,), −1 where not known; those with the smallest ``lots`` (N,) are kept."""
        self.size += len(x)
        if y is not None:
            counts = torch.bincount(y[y >= 0], minlength=len(self.classes))
            counts[: len(self.classes)] += self.classes
            self.classes = counts
        self.images, self._lots = torch.cat([self.images, x]), torch.cat([self._lots, lots])
        kept = self._lots.argsort()[: self.few]
        self.images, self._lots = self.images[kept], self._lots[kept]

    def says(self, names: tuple[str, ...]) -> str:
        """The largest class, its share of those that are known, and the cluster's size: ``4: 97% of 1,020``."""
        known = int(self.classes.sum())
        if not known:
            return f"{self.size:,}" if self.size else "empty"
        largest = int(self.classes.argmax())
        name = names[largest] if largest < len(names) else str(largest)
        return f"{name}: {int(self.classes[largest]) / known:.0%} of {self.size:,}"


class Clusters(Plot):
    """A row for each cluster: its head, which is the picture of its one-hot label in the style zero, in a frame, then random images
    that q(y given x) puts there (Figure 9). Behind a row stand the cluster's
    largest class, that class's share, and the cluster's size.

    Arguments:
        members: images in a row.
    """

    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder", frozenset({"posterior.joint"})),
        "decoder": Need("decoder"),
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"members": 3}]

    def __init__(self, *, members: Annotated[int, Ge(1), Le(100)] = 12) -> None:
        self.members = members

    def size(self, model: Model) -> tuple[float, float]:
        _, height, width = model.image_shape
        return (self.members + 1) * CELL * width / height + 1.6, categories(model) * CELL + 0.6

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """The rows, the first cluster's on top."""
        count = categories(model)
        names: tuple[str, ...] = ()
        clusters = [Members(self.members, model.image_shape) for _ in range(count)]
        for batch in batches:
            names = class_names(batch, model.labels)
            cluster = model.encode(batch.x, labels_for(model, batch, "encoder"))[:, :count].argmax(1).cpu()
            x, y = batch.x.float().cpu(), None if batch.y is None else batch.y.cpu()
            lots = torch.rand(len(x), generator=generator)
            for number in cluster.unique().tolist():
                rows = cluster == number
                clusters[number].add(x[rows], None if y is None else y[rows], lots[rows])
        shown = torch.ones(count, 1 + self.members, *model.image_shape)  # white where there are no more members
        shown[:, 0] = heads(model).float().cpu()
        for row, cluster_members in zip(shown, clusters):
            row[1 : 1 + len(cluster_members.images)] = cluster_members.images
        axes = figure.add_subplot()
        called = category_names(model)
        draw_images(
            axes,
            shown.flatten(0, 1),
            1 + self.members,
            row_titles=called.names,
            rows_are=called.what,
            row_ends=[cluster_members.says(names) for cluster_members in clusters],
            framed=0,
        )
        behind = (
            "largest class: its share of the cluster"
            if any(len(one.classes) for one in clusters)
            else "size of the cluster"
        )
        axes.set_title(f"framed: cluster heads\nbehind: {behind}", loc="left")


def heads(model: Model) -> Tensor:
    """The pictures of the one-hot labels in the style zero, (categories, C, H, W)."""
    count, width = categories(model), cast(Decoder, model.parts["decoder"]).latent_dim
    y = torch.arange(count, device=model.device)
    return model.decode(one_hot(y, width).to(model.dtype), y if "labels" in model.capabilities("decoder") else None)
