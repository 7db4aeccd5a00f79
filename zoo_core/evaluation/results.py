"""metrics.json: the figures that were measured of a saved model, kept beside its weights."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo_core.errors import ConfigError, shown
from zoo_core.evaluation.public_names import data_name, without_paths
from zoo_core.interfaces.metric import MetricResult
from zoo_core.storage.config import parse, read_small
from zoo_core.storage.files import write_json

RESULTS_FILE = "metrics.json"
FORMAT = 1
LARGEST = 1_000_000
"""Bytes; a larger file is none of ours."""

_FIELDS = ("name", "value", "unit", "better", "std", "protocol")
_BETTER = ("higher", "lower", "report")
_FREE = frozenset({"seed", "seconds", "sampler", "warning"})
"""What may differ between two figures that are compared: chance, time, and how a model is sampled."""
_LOOKED_THROUGH = ("extractor", "extractor_sha256", "layer", "resize")


def as_table(figure: MetricResult) -> dict[str, Any]:
    """``figure`` as JSON has it, null for a number that is not finite."""
    table: dict[str, Any] = _plain({field: getattr(figure, field) for field in _FIELDS})
    return table


def read_results(folder: Path) -> list[MetricResult]:
    """The figures in ``folder``'s metrics.json, none where there is no such file. A value of null is read as NaN.

    Raises:
        ConfigError: the file is damaged, larger than 1 MB, or of a newer format.
    """
    path = folder / RESULTS_FILE
    try:
        text = read_small(path, LARGEST)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise ConfigError(f"{shown(path)} cannot be read: {shown(error)}") from None
    return parse_results(text, str(path))


def parse_results(text: str, where: str) -> list[MetricResult]:
    """The figures of a metrics.json's text.

    Arguments:
        where: what messages call it.

    Raises:
        ConfigError: it is not one; the text says which figure is wrong, and how.
    """
    content = parse(text, where)
    if not isinstance(content, dict) or set(content) != {"format", "figures"}:
        raise ConfigError(f"{shown(where)}: should be a table of format and figures")
    if type(content["format"]) is not int or content["format"] < 1:
        raise ConfigError(f"{shown(where)}: format should be {FORMAT}, is {shown(content['format'])}")
    if content["format"] > FORMAT:
        raise ConfigError(
            f"{shown(where)} has format {shown(content['format'])}, this zoo_core reads up to {FORMAT}",
            hint="update it: pip install -U zoo-core",
        )
    if not isinstance(content["figures"], list):
        raise ConfigError(f"{shown(where)}: figures should be a list")
    return [_figure(table, f"{where}: figure {number}") for number, table in enumerate(content["figures"], 1)]


def add_results(folder: Path, figures: Iterable[MetricResult]) -> None:
    """Write ``figures`` into ``folder``'s metrics.json, atomically, beside what stands there.

    One of the same name and protocol (time aside) takes the place of the old one. The file is published with the weights:
    data that a path stands for are called ``own images``, and other local paths in a protocol are left out.

    Raises:
        ConfigError: what is there is damaged.
        RunError: the folder cannot be written.
    """
    kept = {_same(table): table for table in map(as_table, read_results(folder))}
    for figure in figures:
        table = as_table(figure)
        protocol = without_paths({**table["protocol"], "data": None})
        if "data" in table["protocol"]:
            protocol["data"] = data_name(table["protocol"]["data"])
        else:
            del protocol["data"]
        table["protocol"] = protocol
        kept[_same(table)] = table
    write_json(folder / RESULTS_FILE, {"format": FORMAT, "figures": list(kept.values())})


def differing(a: MetricResult, b: MetricResult) -> list[str]:
    """What keeps two figures from being compared: ``name``, ``unit``, or keys of their protocols, in order. Two figures of one
    name are over the same data, split and counts, and through the same extractor, layer and resizing, or they are not comparable;
    a key that only one of them has counts as a difference."""
    keys = [key for key in (*a.protocol, *(k for k in b.protocol if k not in a.protocol)) if key not in _FREE]
    missing = object()
    apart = [key for key in keys if _differ(a.protocol.get(key, missing), b.protocol.get(key, missing))]
    return [field for field in ("name", "unit") if getattr(a, field) != getattr(b, field)] + apart


def comparable(a: MetricResult, b: MetricResult) -> bool:
    """Whether the two may be held against one another: see :func:`differing`."""
    return not differing(a, b)


def not_comparable(figures: Sequence[MetricResult]) -> dict[str, list[str]]:
    """Name to what differs, for each name that several of ``figures`` have which are not all comparable."""
    apart: dict[str, list[str]] = {}
    for name in dict.fromkeys(figure.name for figure in figures):
        first, *others = (figure for figure in figures if figure.name == name)
        keys = dict.fromkeys(key for other in others for key in differing(first, other))
        if keys:
            apart[name] = list(keys)
    return apart


def resting_on(figure: MetricResult) -> str:
    """In a few words what a figure that looks through a feature extractor cannot be compared without, empty for another:
    ``over digit-classifier (cd4335d3), conv3, none, 32x32; real 360, samples 10,000``."""
    protocol = figure.protocol
    if "extractor_sha256" not in protocol:
        return ""
    name, digest, layer, resize = (shown(protocol.get(key, "unknown"), 60) for key in _LOOKED_THROUGH)
    counts = [f"{key} {protocol[key]:,}" for key in ("real", "samples") if isinstance(protocol.get(key), int)]
    return "; ".join(
        [f"over {name} ({digest[:8]}), {layer}, resize {resize}", *([", ".join(counts)] if counts else [])]
    )


def _differ(a: object, b: object) -> bool:
    return bool(_plain(a) != _plain(b))


def _same(table: Mapping[str, Any]) -> str:
    """What two figures have in common if one replaces the other."""
    protocol = {key: value for key, value in table["protocol"].items() if key != "seconds"}
    return json.dumps([table["name"], protocol], sort_keys=True)


def _figure(table: Any, where: str) -> MetricResult:
    if not isinstance(table, dict) or set(table) != set(_FIELDS):
        raise ConfigError(f"{shown(where)}: should be a table of {', '.join(_FIELDS)}")
    for field in ("name", "unit", "better"):
        if not isinstance(table[field], str):
            raise ConfigError(f"{shown(where)}: {field} should be a text, is {shown(repr(table[field]))}")
    if not table["name"]:
        raise ConfigError(f"{shown(where)}: has no name")
    if table["better"] not in _BETTER:
        raise ConfigError(f"{shown(where)}: better should be {', '.join(_BETTER)}, is {shown(repr(table['better']))}")
    if not isinstance(table["protocol"], dict):
        raise ConfigError(f"{shown(where)}: protocol should be a table")
    value, std = (_number(table[field], f"{where}: {field}") for field in ("value", "std"))
    return MetricResult(
        table["name"], math.nan if value is None else value, table["unit"], table["better"], std, table["protocol"]
    )


def _number(value: Any, where: str) -> float | None:
    if value is None:
        return None
    # JSON's 1e999 is read as infinity, and a whole number may be too long for a float.
    if type(value) in (int, float) and -1e308 <= value <= 1e308:
        return float(value)
    raise ConfigError(f"{shown(where)} should be a finite number or null, is {shown(repr(value))}")


def _plain(value: Any) -> Any:
    """``value`` as strict JSON has it: tuples as lists, numbers that are not finite as null, all else as its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)
