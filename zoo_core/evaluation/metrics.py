"""evaluate: a model and data to figures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from zoo_core.building.components import bind_component
from zoo_core.data.references import protocol
from zoo_core.data.splits import Splits
from zoo_core.errors import SettingError
from zoo_core.interfaces import Metric, MetricResult
from zoo_core.interfaces.dataset import SplitName
from zoo_core.model import Model
from zoo_core.noise import derive_seed


def evaluate(
    model: Model,
    data: Any,
    metrics: Sequence[str | Mapping[str, Any]],
    *,
    split: SplitName = "test",
    limit: int | None = None,
    batch_size: int = 250,
    seed: int = 0,
    device: str | torch.device | None = None,
    data_root: str | None = None,
    data_settings: Mapping[str, Any] | None = None,
) -> list[MetricResult]:
    """Measure ``model`` on one split of ``data``.

    Arguments:
        metrics: names (``zoo list --kind metric``), or tables with ``name`` and parameters.
        split: which split; test figures are for the end, choose on ``validation``.
        limit: only the first so many examples of that split; None takes all. What a metric looks at in other splits
            (:meth:`Metric.prepare`) is not limited.
        batch_size: examples at a time.
        seed: of all draws: same seed, same figures.
        data_root, data_settings: where data sets lie (metrics that look at further ones are told), and parameters of this one.

    Raises:
        SettingError, IncompatibleError: a metric that this model cannot be measured by.
        DataError: data that do not fit the model, see :func:`zoo_core.data.dataset_for`.
    """
    from zoo_core.devices.process import processes

    chosen: list[tuple[str, Metric]] = [
        (
            one if isinstance(one, str) else str(one.get("name", "")),
            bind_component(model, "metric", one, data_root=data_root),
        )
        for one in metrics
    ]
    if not chosen:
        raise SettingError("no metric asked for", hint="see zoo list --kind metric")
    if batch_size < 1 or (limit is not None and limit < 1):
        raise SettingError(f"limit and batch_size should be at least 1, got {limit} and {batch_size}")
    model.to(processes(device).device)
    splits = Splits(model, data, root=data_root, settings=data_settings, batch_size=batch_size)
    figures: list[MetricResult] = []
    for name, metric in chosen:
        generator = torch.Generator().manual_seed(seed)
        started = time.monotonic()
        with model.evaluating(torch.Generator().manual_seed(derive_seed(seed, "parts"))):
            metric.prepare(model, splits.batches, generator)
            measured = metric(model, splits.batches(split, limit), generator)
        about = {
            "data": splits.dataset.name,
            **protocol(splits.dataset),
            "split": split,
            "examples": splits.count(split, limit),
            "seed": seed,
            "seconds": round(time.monotonic() - started, 2),
        }
        figures += [replace(figure, protocol={"metric": name, **about, **figure.protocol}) for figure in measured]
    return figures
