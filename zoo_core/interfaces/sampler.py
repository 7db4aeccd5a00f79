"""Sampler: a model to pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
from torch import Tensor

from zoo_core.interfaces.component import Component
from zoo_core.interfaces.objective import Need
from zoo_core.interfaces.prior import Prior

if TYPE_CHECKING:
    from zoo_core.model import Model


@dataclass(frozen=True)
class Samples:
    """What a sampler gives.

    Arguments:
        x: pictures, (n, C, H, W) in [0, 1].
        z: the codes they were made from, (n, latent_dim), where there are any.
        trace: pictures on the way there, (steps, n, C, H, W), where there are any.
        columns: how many pictures stand in a row when they are shown; None lets the viewer choose.
        notes: what is worth knowing of the draw, name to number or text: the acceptance rate of a chain, say.
    """

    x: Tensor
    z: Tensor | None = None
    trace: Tensor | None = None
    columns: int | None = None
    notes: Mapping[str, float | str] = field(default_factory=dict)


def classes_to_draw(model: Model) -> int:
    """How many classes (or attributes) a model can be asked for pictures of: those of a decoder that takes labels, or of a prior with a
    place for each class; 0 where its pictures depend on no label. (A prior with fewer places has others than classes.)"""
    if "labels" in model.capabilities("decoder"):
        return model.labels.count
    return model.labels.count if draws_by_class(model) else 0


def draws_by_class(model: Model) -> bool:
    """Whether the model's prior has a place for each of its classes."""
    if "labels" not in model.capabilities("prior") or model.labels.type == "attributes":
        return False
    return 0 < model.labels.count <= cast(Prior, model.parts["prior"]).components


class Sampler(ABC, Component):
    """Draws pictures from a model."""

    needs: ClassVar[Mapping[str, Need]] = {}

    conditions: ClassVar[frozenset[str]] = frozenset({"x", "y"})
    """Names of the conditions that it looks at; others are refused."""

    def classes(self, model: Model) -> int:
        """How many classes y it can be asked for pictures of, 0 where y would change nothing; see :func:`classes_to_draw`."""
        return classes_to_draw(model)

    def starts_from_images(self, model: Model) -> bool:
        """Whether it draws nothing from ``model`` unless it is given images ``x``: by itself, where it looks at some and the model has
        no prior to draw from. A sampler that always starts from images (a chain from given ones) says so here."""
        return "x" in self.conditions and "prior" not in model.parts

    @abstractmethod
    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        """``n`` pictures; all randomness from ``generator``. The caller has set eval mode and switched autograd off.

        Arguments:
            conditions: those of :attr:`conditions` that were asked for, checked: ``y``, int64 (n,), where there are
                :meth:`classes` (int64 (n, A) for a model with A attributes), −1 = not known; ``x`` (m, C, H, W) in [0, 1].
                Both are on the model's device.
        """
