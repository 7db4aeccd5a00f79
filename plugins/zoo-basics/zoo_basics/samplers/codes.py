"""Codes from a model's prior, and the pictures they decode to."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Part, Prior, classes_to_draw, draws_by_class
from zoo_core.noise import GeneratorNoise

if TYPE_CHECKING:
    from zoo_core.model import Model


def takes_labels(model: Model) -> bool:
    """Whether the model's pictures depend on a label y."""
    return classes_to_draw(model) > 0


def draw_codes(model: Model, n: int, generator: torch.Generator, y: Tensor | None) -> Tensor:
    """``n`` codes from the model's prior, for the labels ``y`` where the prior takes them.

    Raises:
        IncompatibleError: the model has no prior.
    """
    if "prior" not in model.parts:
        raise IncompatibleError(
            "this model has no prior to draw codes from", hint="start from images (x=…), or build with a prior"
        )
    prior = cast(Prior, model.parts["prior"])
    noise = GeneratorNoise(generator, device=model.device, dtype=model.dtype)
    return prior.sample(n, noise, y if draws_by_class(model) else None)


def decode_codes(model: Model, z: Tensor, y: Tensor | None) -> Tensor:
    """The pictures for ``z``, and for the labels ``y`` where the decoder takes them."""
    decoder = cast(Part, model.parts["decoder"])
    return model.decode(z, y if "labels" in decoder.capabilities else None)
