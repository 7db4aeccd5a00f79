"""Draws from a model's prior, as codes and as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from zoo_core.data import in_turn
from zoo_core.interfaces import Part, Prior
from zoo_core.noise import GeneratorNoise

if TYPE_CHECKING:
    from zoo_core.model import Model


def prior_codes(model: Model, n: int, generator: torch.Generator, y: Tensor | None = None) -> Tensor:
    """``n`` codes (n, latent_dim) from p(z); for the labels y (n,) where the prior takes them, which draws its own for None."""
    prior = cast(Prior, model.parts["prior"])
    noise = GeneratorNoise(generator, device=model.device, dtype=model.dtype)
    # A prior has places for classes; attributes are no classes.
    return prior.sample(n, noise, y if "labels" in prior.capabilities and model.labels.type == "classes" else None)


def prior_pictures(model: Model, n: int, generator: torch.Generator, at_once: int) -> Iterator[Tensor]:
    """The decoder's means for ``n`` draws from the prior, (m, C, H, W) in [0, 1] with m at most ``at_once``.

    A decoder that takes labels gets the classes in turn, so that each makes up the same share, and so does a prior beside
    it; a prior alone draws its labels itself.
    """
    conditional = "labels" in cast(Part, model.parts["decoder"]).capabilities
    for start in range(0, n, at_once):
        m = min(at_once, n - start)
        y = in_turn(model.labels, m, start=start, device=model.device) if conditional else None
        yield model.decode(prior_codes(model, m, generator, y), y)
