"""Sampler: a model to pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from zoo_core.interfaces.component import Component
from zoo_core.interfaces.objective import Need

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
    """

    x: Tensor
    z: Tensor | None = None
    trace: Tensor | None = None
    columns: int | None = None


class Sampler(ABC, Component):
    """Draws pictures from a model."""

    needs: ClassVar[Mapping[str, Need]] = {}

    @abstractmethod
    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        """``n`` pictures; all randomness from ``generator``. The caller has set eval mode and switched autograd off.

        Arguments:
            conditions: ``y`` (n,) where the model takes labels; ``x`` (m, C, H, W) where the sampler starts from
                images.
        """
