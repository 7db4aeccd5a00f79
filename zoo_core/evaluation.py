"""evaluate: a model and data to figures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, cast

import torch

from zoo_core.data import Source, evaluation_batches, open_dataset, open_source
from zoo_core.errors import SeamError, SettingError
from zoo_core.interfaces import Batch, Figure, Metric, Part
from zoo_core.interfaces.dataset import SplitName
from zoo_core.model import Model
from zoo_core.parameters import check
from zoo_core.registry import registry
from zoo_core.seams import check_capabilities, check_slots


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
) -> list[Figure]:
    """Measure ``model`` on one split of ``data``.

    Arguments:
        metrics: names (``zoo list --kind metric``), or tables with ``name`` and parameters.
        split: which split; test figures are for the end, choose on ``validation``.
        limit: only the first so many examples of that split; None takes all. What a metric looks at in other splits
            (:meth:`Metric.prepare`) is not limited.
        batch_size: examples at a time.
        seed: of all draws: same seed, same figures.

    Raises:
        SettingError, SeamError: a metric that this model cannot be measured by.
    """
    from zoo_core.training.processes import processes

    chosen = [(name, _metric(model, name, params)) for name, params in map(_named, metrics)]
    if not chosen:
        raise SettingError("no metric asked for", hint="see zoo list --kind metric")
    if batch_size < 1 or (limit is not None and limit < 1):
        raise SettingError(f"limit and batch_size should be at least 1, got {limit} and {batch_size}")
    model.to(processes(device).device)
    dataset = open_dataset(data, root=data_root, image_size=model.image_shape[1:])

    @cache
    def opened(name: SplitName) -> Source:
        return open_source(dataset.split(name), device=model.device, workers=0)

    def whole(name: SplitName) -> Iterator[Batch]:
        return _limited(opened(name), batch_size, len(opened(name)), model.dtype)

    source = opened(split)
    count = len(source) if limit is None else min(limit, len(source))
    figures: list[Figure] = []
    for name, metric in chosen:
        generator = torch.Generator()
        generator.manual_seed(seed)
        started = time.monotonic()
        with model.at_rest():
            metric.prepare(model, whole, generator)
            measured = metric(model, _limited(source, batch_size, count, model.dtype), generator)
        about = {
            "data": dataset.name,
            "split": split,
            "examples": count,
            "seed": seed,
            "seconds": round(time.monotonic() - started, 2),
        }
        figures += [replace(figure, protocol={"metric": name, **about, **figure.protocol}) for figure in measured]
    return figures


def _named(metric: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    params = dict(metric) if isinstance(metric, Mapping) else {"name": metric}
    return str(params.pop("name", "")), params


def _metric(model: Model, name: str, params: Mapping[str, Any]) -> Metric:
    cls = registry().resolve("metric", name).entry.load()
    config = model.config["parts"]
    who = f'metric "{name}"'
    refused = cls.tags.refusal(model.image_shape, model.labels.type)
    if refused:
        raise SeamError(f"{who} takes {refused}", hint="see zoo list --kind metric for others", metric=name)
    check_slots(who, cls.needs, {slot: entry["kind"] for slot, entry in config.items()})
    parts = {slot: cast(Part, part) for slot, part in model.parts.items()}
    check_capabilities(who, cls.needs, parts, {slot: entry["name"] for slot, entry in config.items()})
    return cast(Metric, cls(**check(cls, params, name)))


def _limited(source: Source, batch_size: int, count: int, dtype: torch.dtype) -> Iterator[Batch]:
    left = count
    for batch in evaluation_batches(source, batch_size):
        if left <= 0:
            return
        cut = batch.rows(0, min(left, len(batch)))
        left -= len(cut)
        yield replace(cut, x=cut.x.to(dtype))
