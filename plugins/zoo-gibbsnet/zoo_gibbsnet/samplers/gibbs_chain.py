"""GibbsChain: pictures at the end of a chain."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le
from torch import Tensor

from zoo_core.interfaces import Need, Sampler, Samples
from zoo_gibbsnet.chain import (
    Chain,
    Decoding,
    Trace,
    classes_told,
    first_attributes,
    images_to_start_from,
    labels_in_turn,
    noise_of,
    prior_codes,
)

if TYPE_CHECKING:
    from zoo_core.model import Model


class GibbsChain(Sampler):
    """Pictures after ``steps`` steps of the unclamped chain (Lamb 2018, section 3.4): z from the prior, then x ~ p(x given z) and
    z ~ q(z given x) in turn. For every model with an encoder and a decoder.

    One step is a draw of the prior, decoded. Given images x, the chains start from their codes.

    Arguments:
        steps: how many.
        decoding: how the chain goes from z to x: a ``mean`` leaves out the pixels' own noise, a ``sample`` is a draw; choose what the
            model was trained with.
        keep: at most so many pictures of the way stand in the trace, evenly spread.
    """

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "decoder": Need("decoder")}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"steps": 3}, {"steps": 12, "decoding": "sample", "keep": 4}]

    def __init__(
        self,
        *,
        steps: Annotated[int, Ge(1), Le(10_000_000)] = 20,
        decoding: Decoding = "mean",
        keep: Annotated[int, Ge(0), Le(10_000)] = 100,
    ) -> None:
        self.steps, self.decoding, self.keep = steps, decoding, keep

    def classes(self, model: Model) -> int:
        return classes_told(model)

    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        """``n`` pictures, a chain each.

        Arguments:
            conditions: ``x`` (m, C, H, W), images to start from, over and over where there are fewer; ``y`` (n,) or (n, A), held all
                along, for a model that is given labels; without, its classes in turn. Where the decoder tells attributes, they are
                free but for those that y says.

        Raises:
            IncompatibleError: neither images nor a prior.
        """
        x, y = conditions.get("x"), conditions.get("y")
        in_turn = labels_in_turn(model, n) if y is None else None
        noise = noise_of(model, generator)
        chain = Chain(model, noise, decoding=self.decoding, y=y if in_turn is None else in_turn)
        z = prior_codes(model, n, noise) if x is None else self._inferred(model, chain, images_to_start_from(x, n))
        trace = Trace(self.steps, self.keep)
        for step, pair in enumerate(islice(chain.pairs(z), self.steps)):
            trace.see(step, pair.x)
        columns = None if in_turn is None else model.labels.count
        return Samples(x=pair.x.clamp(0, 1), z=pair.z, trace=trace.stacked(), columns=columns)

    def _inferred(self, model: Model, chain: Chain, x: Tensor) -> Tensor:
        return chain.infer(x, first_attributes(model, chain, len(x)))
