"""Pictures with more or less of an attribute (section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from zoo_core.errors import IncompatibleError, SettingError
from zoo_introvac.directions import direction, linear_head, place_of, told_by

if TYPE_CHECKING:
    from zoo_core.model import Model

STEP, FURTHEST = 0.5, 20.0
"""How far codes move at a time, and at most, where they move until a picture has the attribute; in units of z."""


class Moved(NamedTuple):
    """Codes that were moved as far as needed.

    Arguments:
        z: the codes, (N, latent_dim).
        deltas: how far each went, (N,), below 0 where the attribute was taken away.
        reached: whether its picture is told to have the attribute (or not to have it), (N,).
    """

    z: Tensor
    deltas: Tensor
    reached: Tensor


def moved(model: Model, z: Tensor, deltas: Mapping[str, float]) -> Tensor:
    """z + Σ δ w/‖w‖ over the attributes in ``deltas``, (N, latent_dim)."""
    for name, delta in deltas.items():
        z = z + delta * direction(model, name).to(z)
    return z


def edit(model: Model, x: Tensor, /, **deltas: float) -> Tensor:
    """Images x (N, C, H, W) in [0, 1] with their codes, the posterior's means, moved by δ along the direction of each attribute:
    ``edit(model, x, Eyeglasses=+5, Male=-2)``. δ is in units of z; one whose name is no Python name goes in a table,
    ``edit(model, x, **{"has-sleeves": 4})``. Without any it is the reconstruction.

    Raises:
        IncompatibleError: a model without encoder, decoder or linear head.
        SettingError: an attribute that the head does not know.
    """
    linear_head(model)
    return model.decode(moved(model, model.encode(x), deltas))


def moved_until(
    model: Model, z: Tensor, name: str, *, wanted: bool = True, confidence: float = 0.95, furthest: float = FURTHEST
) -> Moved:
    """Codes z, each moved along the direction of ``name`` in steps of 0.5 until its picture, encoded again, is told to have the
    attribute with probability ``confidence`` or more (``wanted=False``: not to have it); at most by ``furthest``.

    Raises:
        IncompatibleError: a model without encoder, decoder or linear head.
        SettingError: an attribute that the head does not know, or a ``confidence`` that is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise SettingError(f"confidence {confidence} is not between 0 and 1", hint="0.95")
    towards = direction(model, name).to(z) * (1 if wanted else -1)
    deltas, reached = z.new_zeros(len(z)), torch.zeros(len(z), dtype=torch.bool, device=z.device)
    for step in range(1 + int(furthest / STEP)):
        open_ = ~reached
        deltas[open_] = STEP * step
        sure = probability(model, model.decode(z[open_] + deltas[open_, None] * towards), name)
        reached[open_] = (sure if wanted else 1 - sure) >= confidence
        if reached.all():
            break
    return Moved(z + deltas[:, None] * towards, deltas * (1 if wanted else -1), reached)


def probability(model: Model, x: Tensor, name: str) -> Tensor:
    """What the head says of the codes of images x: the probability of the attribute or class ``name``, (N,)."""
    if "encoder" not in model.parts:
        raise IncompatibleError(f"a {model.recipe} has no encoder", hint="choose a model with encoder and decoder")
    told, place = told_by(model), place_of(model, name)
    with model.evaluating():
        logits = linear_head(model).logits(model.encode(x))[:, : told.count]
    return logits.sigmoid()[:, place] if told.type == "attributes" else logits.softmax(1)[:, place]
