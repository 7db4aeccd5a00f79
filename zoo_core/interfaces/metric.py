"""Metric: a model and data to figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, final

import torch

from zoo_core.compat import renamed
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.component import Component
from zoo_core.interfaces.dataset import SplitName
from zoo_core.interfaces.objective import Need

if TYPE_CHECKING:
    from zoo_core.model import Model


@dataclass(frozen=True)
class MetricResult:
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

    def prepare(self, model: Model, split: Callable[[SplitName], Iterable[Batch]], generator: torch.Generator) -> None:
        """Look at other splits than the one that is measured: choose a bandwidth on ``validation``, keep ``train`` to compare with.

        Called once, right before the metric itself, with the same model and generator, in eval mode and without
        autograd. By default there is nothing to prepare. What was chosen where belongs into each figure's ``protocol``
        (``"chosen_on": "validation"``), for the measured split may be the same one.

        Arguments:
            split: a split's name to all of its examples as batches, whatever part of the measured split is measured. It
                may be kept and asked again while the metric is called.
        """

    @final
    def unprepared(self) -> IncompatibleError:
        """The error to raise where :meth:`prepare` was needed and not called."""
        return IncompatibleError(
            f"{type(self).__name__} was called before it was prepared",
            hint="measure with zoo_core.evaluate(…) or zoo eval, or call prepare(model, split, generator) first",
        )

    @abstractmethod
    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The figures for ``model`` on all of ``batches`` (one pass). The caller has set eval mode and switched autograd off."""


__getattr__ = renamed(__name__)
