"""A model's samples as a stream: never more than a batch of them at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, final

import torch
from torch import Tensor

from zoo_basics.samplers.codes import takes_labels
from zoo_core.data import in_turn
from zoo_core.errors import DataError
from zoo_core.storage import sampler_entry

if TYPE_CHECKING:
    from zoo_core.model import Model

SamplerSpec: TypeAlias = str | dict[str, Any]
"""A sampler's name, or a table with ``name`` and its parameters."""

BATCH = 250
"""Images at a time, drawn or real."""


@final
class DrawnSamples:
    """Pictures from ``model``, each drawn once, all randomness from ``generator``. A model that takes labels makes its classes
    in turn, over all that is drawn (of attributes one at a time).

    Arguments:
        sampler: None is the recipe's.

    Raises:
        IncompatibleError: the model makes no pictures by itself, or the sampler is not for it.
        UnknownName: there is no such sampler.
    """

    def __init__(self, model: Model, sampler: SamplerSpec | None, generator: torch.Generator) -> None:
        self._model, self._generator = model, generator
        self._sampler = model.sampler(sampler)
        self._told = takes_labels(model)
        self._drawn = 0
        own = sampler_entry(model.config)
        spec = sampler or (own["name"] if own is not None else "")
        self.sampler: Any = dict(spec) if isinstance(spec, Mapping) else str(spec).rpartition(":")[2]
        if not sampler and own is not None and own["params"]:
            self.sampler = {"name": self.sampler, **own["params"]}
        """What drew them, for a protocol."""

    def batches(self, count: int) -> Iterator[Tensor]:
        """The next ``count`` samples: (N, C, H, W) in [0, 1], N ≤ 250.

        Raises:
            DataError: pixels that are not finite.
        """
        left = count
        while left:
            n = min(left, BATCH)
            conditions: dict[str, Any] = {}
            if self._told:
                conditions["y"] = in_turn(self._model.labels, n, start=self._drawn, device=self._model.device)
            x = self._sampler(self._model, n, self._generator, **conditions).x
            if not torch.isfinite(x).all():
                raise DataError(
                    "the model made samples with pixels that are not finite",
                    hint="its training went wrong; take an earlier checkpoint",
                )
            self._drawn, left = self._drawn + n, left - n
            yield x.clamp(0, 1)
