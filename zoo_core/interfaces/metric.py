"""Metric: a model and data to figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.component import Component
from zoo_core.interfaces.objective import Need

if TYPE_CHECKING:
    from zoo_core.model import Model


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Arguments:
        name: what was measured.
        value: the number.
        unit: its unit, for instance ``nats per dimension``.
        better: which direction is better, or ``report`` where neither is.
        std: standard deviation or error of ``value``, where one was measured.
        protocol: what the number rests on: count, split, extractor, draws.
    """

    name: str
    value: float
    unit: str = ""
    better: str = "report"
    std: float | None = None
    protocol: Mapping[str, Any] = field(default_factory=dict)


class Metric(ABC, Component):
    """Measures a model on data."""

    needs: ClassVar[Mapping[str, Need]] = {}

    @abstractmethod
    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[Figure]:
        """The figures for ``model`` on all of ``batches`` (one pass). The caller has set eval mode and switched autograd off."""
