"""The metadata of a card, which the Hub reads: licence, library, tags, data sets and figures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from zoo_core.evaluation.public_names import OWN_DATA, data_name, without_paths
from zoo_core.interfaces.metric import MetricResult
from zoo_core.publishing.facts import Facts
from zoo_core.publishing.markdown import plain
from zoo_core.publishing.public_data import public_data

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

LIBRARY = "zoo-core"
_NOT_ARGUMENTS = ("data", "split", "seconds")


def card_data(facts: Facts) -> ModelCardData:
    """The metadata; every text in them is cleaned, and written by the library's own dumper."""
    from huggingface_hub import ModelCardData

    results = list(_results(facts))
    return ModelCardData(
        license=facts.licence,
        library_name=LIBRARY,
        pipeline_tag=task(facts),
        tags=list(dict.fromkeys(filter(None, map(tag, [LIBRARY, str(facts.config["recipe"]), facts.family])))),
        datasets=[facts.public.hub] if facts.public is not None and facts.public.hub else None,
        model_name=facts.repo if results else None,
        eval_results=results or None,
    )


def task(facts: Facts) -> str | None:
    """The Hub's name for what the model does, where it has one."""
    if facts.of_tokens:
        return None
    if facts.samples:
        return "unconditional-image-generation"
    return "image-classification" if facts.classifies else None


def tag(text: str) -> str:
    """``text`` as a tag: lower-case letters, digits, dots and dashes."""
    return re.sub("[^a-z0-9.]+", "-", plain(text, 60).lower()).strip("-.")


def _results(facts: Facts) -> Iterator[EvalResult]:
    """The figures as the Hub's ``model-index`` has them; one that is not finite is no result."""
    from huggingface_hub import EvalResult

    for figure in facts.figures:
        if not math.isfinite(figure.value):
            continue
        data = data_name(figure.protocol.get("data"))
        known = public_data(data)
        yield EvalResult(
            task_type=task(facts) or "other",
            dataset_type=(known.hub if known is not None else "") or tag(data) or tag(OWN_DATA),
            dataset_name=plain(known.title if known is not None and ":" not in data else data),
            dataset_split=tag(str(figure.protocol.get("split", ""))) or None,
            metric_type=tag(figure.name) or "figure",
            metric_name=plain(figure.name, 80),
            metric_value=figure.value,
            metric_args=_arguments(figure),
        )


def _arguments(figure: MetricResult) -> dict[str, Any] | None:
    """What a figure rests on, as YAML has it: numbers as they are, all else as short texts."""
    more = {"unit": figure.unit or None, "std": figure.std}
    found = {}
    for key, value in {**without_paths(figure.protocol), **more}.items():
        if key in _NOT_ARGUMENTS or value is None or (isinstance(value, float) and not math.isfinite(value)):
            continue
        found[plain(key, 60)] = value if isinstance(value, int | float) else plain(value)
    return found or None
