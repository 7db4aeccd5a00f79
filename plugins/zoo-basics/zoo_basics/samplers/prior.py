"""PriorSampler: decoded draws from the prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from zoo_basics.samplers.codes import decode_codes, draw_codes, takes_labels
from zoo_core.data import in_turn
from zoo_core.interfaces import Need, Sampler, Samples

if TYPE_CHECKING:
    from zoo_core.model import Model


class PriorSampler(Sampler):
    """z from p(z), then the decoder's mean: ancestral sampling without the pixels' own noise.

    A model that takes labels and is given none makes its classes in turn, one a column; one that takes attributes, pictures that have
    one of them alone.
    """

    needs: ClassVar[Mapping[str, Need]] = {"prior": Need("prior"), "decoder": Need("decoder")}

    conditions: ClassVar[frozenset[str]] = frozenset({"y"})

    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        """``n`` pictures.

        Arguments:
            conditions: ``y`` (n,), or (n, A) for attributes, for a model that takes labels.
        """
        y, columns = conditions.get("y"), None
        if y is None and takes_labels(model):
            columns = model.labels.count
            y = in_turn(model.labels, n, device=model.device)
        z = draw_codes(model, n, generator, y)
        return Samples(x=decode_codes(model, z, y), z=z, columns=columns)
