"""ChainCodes: the codes of the data, and those along a chain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge, Le, MinLen
from torch import Tensor
from torch.nn.functional import pad
from zoo_basics.plots.codes import encoded

from zoo_core.data import labels_for
from zoo_core.drawing import draw_classes
from zoo_core.interfaces import Batch, Encoder, Need, Plot
from zoo_gibbsnet.chain import Chain, Decoding, labels_in_turn, noise_of, prior_codes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model

SIDE = 2.6
"""Of a panel, in inches."""


class ChainCodes(Plot):
    """The codes that are inferred of the data, one draw z ~ q(z given x) of each image, coloured by class; then, on the same axes, those
    inferred in the unclamped chain after 1, 2, 3 and 15 steps (Lamb 2018, Figure 3.3, panels g, d, e, i and j). Beside each other for an
    ALI and a GibbsNet they show whether codes have to look like the prior.

    Codes of more than two dimensions are projected onto the first two principal components of the data's.

    Arguments:
        steps: the panels of the chain.
        codes: points a panel, at most.
        decoding: as the sampler ``gibbs-chain`` has it.
        columns: panels in a row.
    """

    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder"),
        "decoder": Need("decoder"),
        "prior": Need("prior"),
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"codes": 20}, {"codes": 20, "steps": [2], "decoding": "sample"}]

    def __init__(
        self,
        *,
        steps: Annotated[tuple[Annotated[int, Ge(1), Le(1_000_000)], ...], MinLen(1)] = (1, 2, 3, 15),
        codes: Annotated[int, Ge(2), Le(1_000_000)] = 2000,
        decoding: Decoding = "mean",
        columns: Annotated[int, Ge(1), Le(100)] = 5,
    ) -> None:
        self.steps = sorted(set(steps))
        self.count, self.decoding = codes, decoding
        self.columns = min(columns, 1 + len(self.steps))

    @property
    def rows(self) -> int:
        """Of panels."""
        return math.ceil((1 + len(self.steps)) / self.columns)

    def size(self, model: Model) -> tuple[float, float]:
        return self.columns * SIDE + (0.8 if model.labels.type == "classes" else 0.0), self.rows * SIDE + 0.3

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """The panels.

        Raises:
            DataError: there are no examples.
        """
        encoder, noise = cast(Encoder, model.parts["encoder"]), noise_of(model, generator)

        def drawn(cut: Batch) -> Tensor:
            x = cut.x.to(model.device, model.dtype)
            return encoder.posterior(x, labels_for(model, cut, "encoder")).rsample(noise)

        codes, y, names = encoded(model, batches, self.count, drawn)
        onto_plane = Projection(codes)
        panels = figure.subplots(self.rows, self.columns, squeeze=False).flatten()
        drawn = [onto_plane(codes)]
        draw_classes(panels[0], drawn[0], y, names)
        panels[0].set_title("codes of the data", fontsize="medium")
        for panel, (step, z) in zip(panels[1:], self._along(model, generator)):
            drawn.append(onto_plane(z.float().cpu()))
            draw_classes(panel, drawn[-1], None, ())
            panel.set_title(f"chain, {step} step{'s' * (step > 1)}", fontsize="medium")
        _move_legend(panels[0], panels[self.columns - 1])
        reach = 1.05 * torch.cat(drawn).abs().max().item()
        for panel in panels:
            panel.set_aspect("equal", adjustable="box")
            panel.set(xlim=(-reach, reach), ylim=(-reach, reach))
        for panel in panels[1 + len(self.steps) :]:
            panel.set_axis_off()

    def _along(self, model: Model, generator: torch.Generator) -> Iterable[tuple[int, Tensor]]:
        """The numbers of steps, and the codes that are inferred after them."""
        noise = noise_of(model, generator)
        chain = Chain(model, noise, decoding=self.decoding, y=labels_in_turn(model, self.count))
        pairs = chain.pairs(prior_codes(model, self.count, noise))
        next(pairs)
        for step in range(1, self.steps[-1] + 1):
            z = next(pairs).z
            if step in self.steps:
                yield step, z


def _move_legend(source: Axes, target: Axes) -> None:
    """The legend of one panel, if it has one, beside another, where it covers none."""
    legend = source.get_legend()
    if legend is None:
        return
    texts = [text.get_text() for text in legend.get_texts()]
    target.legend(legend.legend_handles, texts, loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.1)
    if target is not source:
        legend.remove()


class Projection:
    """Codes (N, D) to points (N, 2): as they are with two dimensions or fewer, else onto the first two principal components of those that
    it was made from."""

    def __init__(self, codes: Tensor) -> None:
        self.centre = codes.mean(0)
        self.axes = torch.linalg.svd(codes - self.centre, full_matrices=False).Vh[:2].T if codes.shape[1] > 2 else None

    def __call__(self, codes: Tensor) -> Tensor:
        return pad(codes, (0, 2 - codes.shape[1])) if self.axes is None else (codes - self.centre) @ self.axes
