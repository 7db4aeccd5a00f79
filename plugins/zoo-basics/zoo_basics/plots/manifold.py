"""Manifold: what the decoder makes of a grid of the prior's percentiles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge, Le
from torch import Tensor

from zoo_basics.samplers.codes import decode_codes
from zoo_core.data import one_each
from zoo_core.drawing import draw_images
from zoo_core.errors import SettingError
from zoo_core.interfaces import Batch, Need, Part, Plot, Prior

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model

PANELS_IN_A_ROW = 5
PANEL = 3.2
"""Side of a panel, in inches; of the only one, 4."""
AT_ONCE = 250


class Manifold(Plot):
    """Pictures at evenly spaced percentiles along the prior's first two axes (Makhzani et al. 2016, Figure 2e): the first from left
    to right, the second from bottom to top, all further ones at their medians. Behind a label that stands at the front of the
    code, the axes are those of the style.

    Where the prior or the decoder takes labels, a panel shows one component or class (Figure 4b).

    Arguments:
        side: pictures along each axis.
        components: how many components or classes are shown, the first of them; 0 shows the whole prior in one panel, where the
            decoder takes no labels.
    """

    needs: ClassVar[Mapping[str, Need]] = {
        "decoder": Need("decoder"),
        "prior": Need("prior", frozenset({"prior.percentiles"})),
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"side": 3}, {"side": 2, "components": 0}]

    def __init__(
        self, *, side: Annotated[int, Ge(2), Le(100)] = 20, components: Annotated[int, Ge(0), Le(100)] = 3
    ) -> None:
        self.side = side
        self.components = components

    def size(self, model: Model) -> tuple[float, float]:
        panels = len(self._panels(model))
        columns = min(panels, PANELS_IN_A_ROW)
        side = 4.2 if panels == 1 else PANEL
        return columns * side, math.ceil(panels / columns) * side

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """The panels.

        Raises:
            SettingError: no component is asked for, and the decoder takes labels.
        """
        panels = self._panels(model)
        columns = min(len(panels), PANELS_IN_A_ROW)
        rows = math.ceil(len(panels) / columns)
        prior = cast(Prior, model.parts["prior"])
        first = prior.categories
        percentiles = self._percentiles(prior).to(model.device, model.dtype)
        for number, label in enumerate(panels):
            axes = figure.add_subplot(rows, columns, number + 1)
            y = None if label is None else torch.full((len(percentiles),), label, device=model.device)
            codes = prior.from_percentiles(percentiles, y if takes_components(prior) else None)
            told = y is not None and "labels" in model.capabilities("decoder")
            draw_images(axes, _decoded(model, codes, one_each(model.labels, y) if told else None), self.side, gap=0)
            of = "style" if first else "prior" if y is None or not takes_components(prior) else "component"
            low, high = 50 / self.side, 100 - 50 / self.side
            titles = [f"{of} axis {axis}, percentiles {low:.3g} to {high:.3g}" for axis in (1, 2)]
            axes.set_xlabel(titles[0])
            if prior.latent_dim - first > 1 and number % columns == 0:
                axes.set_ylabel(titles[1])
            if label is not None:
                axes.set_title(self._name(model, label))

    def _panels(self, model: Model) -> list[int | None]:
        """The label of each panel, None for the whole prior."""
        prior = cast(Prior, model.parts["prior"])
        labelled = "labels" in model.capabilities("decoder")
        if not labelled and (not takes_components(prior) or not self.components):
            return [None]
        if not self.components:
            raise SettingError(
                "this model's decoder takes a label: show at least one", hint="--set manifold.components=3"
            )
        places = [
            prior.components or model.labels.count or self.components,
            *([model.labels.count] if labelled else []),
        ]
        return [*range(min(self.components, *places))]

    def _percentiles(self, prior: Prior) -> Tensor:
        """The grid, (side², latent_dim) in the order of a picture: row by row, from the top left."""
        steps = (torch.arange(self.side, dtype=torch.float64) + 0.5) / self.side
        wide = prior.latent_dim - prior.categories > 1
        up, right = torch.meshgrid(steps.flip(0) if wide else steps[:1], steps, indexing="ij")
        grid = torch.full((up.numel(), prior.latent_dim), 0.5, dtype=torch.float64)
        grid[:, prior.categories] = right.flatten()
        if wide:
            grid[:, prior.categories + 1] = up.flatten()
        return grid

    def _name(self, model: Model, label: int) -> str:
        """A class where the model was told the classes, else the component's number, from 1."""
        told = [model.parts["decoder"], *model.objectives.values()]
        known = any("labels" in cast(Part, part).capabilities for part in told)
        # The label at the front of a code is a class where the prior can be asked for it.
        known = known or {"labels", "prior.categories"} <= model.capabilities("prior")
        return model.labels.names[label] if known and label < model.labels.count else f"component {label + 1}"


def takes_components(prior: Prior) -> bool:
    """Whether percentiles may be asked for by component or category."""
    return bool(prior.capabilities & {"labels", "prior.categories"})


def _decoded(model: Model, z: Tensor, y: Tensor | None) -> Tensor:
    parts = range(0, len(z), AT_ONCE)
    return torch.cat(
        [decode_codes(model, z[i : i + AT_ONCE], None if y is None else y[i : i + AT_ONCE]).cpu() for i in parts]
    )
