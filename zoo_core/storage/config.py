"""config.json, format 1: what a model is, without its weights.

Names, not import paths: nothing in a config can run code that an installed plugin did not register.
"""

from __future__ import annotations

import json
import math
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from zoo_core.errors import ConfigError, DataError, did_you_mean, shown

FORMAT = 1
LARGEST = 1_000_000
DEEPEST = 32
MOST_SLOTS = 32
"""Parts, and objectives, of one model."""
LONGEST_SLOT = 64
LARGEST_INTEGER = 2**53
"""Beyond it, JSON readers disagree about whole numbers."""
PART_KINDS = ("encoder", "decoder", "feature-extractor", "prior", "head", "network", "attack")
"""Kinds of parts that a config may name; objectives stand apart."""

_TOP = {
    "format": int,
    "zoo_core": str,
    "recipe": str,
    "image_shape": list,
    "labels": dict,
    "sampler": object,
    "parts": dict,
    "objectives": dict,
    "training": dict,
}
_TOP_OPTIONAL: dict[str, type] = {"modality": str, "vocabulary": list}
"""Of models that are not of images."""
_PART = {"kind": str, "name": str, "format": int, "version": str, "params": dict}
_PART_OPTIONAL = {"trainable": bool, "weights": dict}
_OBJECTIVE = {"name": str, "format": int, "version": str, "params": dict}
_SAMPLER = _OBJECTIVE
_LABELS = ("none", "classes", "attributes")
_REFERENCES = ({"repo", "commit", "file", "sha256"}, {"package", "file", "sha256"})
_PINS = {"commit": re.compile("[0-9a-f]{40}"), "sha256": re.compile("[0-9a-f]{64}")}
_SLOT = re.compile(r"[a-z0-9][a-z0-9_-]*")
_BRACKET = re.compile(r"[][{}]")


def read_config(folder: Path) -> dict[str, Any]:
    """The checked config of the model saved in ``folder``.

    Raises:
        ConfigError: there is none, or it is not one.
    """
    path = folder / "config.json"
    try:
        text = read_small(path, LARGEST)
    except FileNotFoundError:
        raise ConfigError(
            f"no saved model in {shown(folder)}: config.json is missing",
            hint="a model is saved with model.save(folder) or by zoo train … --out folder",
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{shown(path)} cannot be read: {shown(error)}") from None
    return check_config(parse(text, str(path)), str(path))


def read_small(path: Path, largest: int) -> str:
    """The text of a file that a stranger may have put there: no pipe or device, which could block or never end.

    Raises:
        OSError: it is not there, cannot be read, or is no file.
        ValueError: it is larger than ``largest`` bytes, or no UTF-8.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is no file")
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"it is larger than {largest:,} bytes, and so none of ours")
    return content.decode("utf-8")


def parse(text: str, where: str) -> Any:
    """Strict JSON: no NaN, no infinite or endless numbers, no duplicate keys, at most 32 levels.

    Raises:
        ConfigError: anything else.
    """

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key, value in items:
            if key in table:
                raise ConfigError(f"{shown(where)}: the key {shown(key)!r} is there twice")
            table[key] = value
        return table

    def refuse(constant: str) -> Any:
        raise ConfigError(f"{shown(where)}: {shown(constant)} is no JSON number")

    def whole(digits: str) -> int:
        if len(digits) > 17 or abs(int(digits)) > LARGEST_INTEGER:
            raise ConfigError(f"{shown(where)}: the number {shown(digits, 30)} is beyond ±2^53")
        return int(digits)

    def finite(digits: str) -> float:
        return float(digits) if math.isfinite(float(digits)) else refuse(digits)

    if _depth(text) > DEEPEST:
        raise ConfigError(f"{shown(where)} is nested more than {DEEPEST} levels deep")
    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=refuse, parse_int=whole, parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{shown(where)} is not valid JSON: {shown(error)}") from None


def _depth(text: str) -> int:
    """The deepest nesting of brackets, counted without recursion; brackets inside texts count too, which errs on the safe side."""
    depth = deepest = 0
    for c in _BRACKET.findall(text):
        if c in "[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def check_config(config: Any, where: str = "config") -> dict[str, Any]:
    """``config`` if it has the shape of format 1.

    Raises:
        ConfigError: with the key that is wrong.
    """
    if not isinstance(config, dict):
        raise ConfigError(f"{shown(where)}: should be a table")
    version = config.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise ConfigError(
            f"{shown(where)} has format {version}, this zoo_core reads up to {FORMAT}",
            hint="update it: pip install -U zoo-core",
        )
    _fields(config, _TOP, _TOP_OPTIONAL, where)
    if config["format"] < 1:
        raise ConfigError(f"{shown(where)}: there is no format {config['format']}")
    shape = config["image_shape"]
    if len(shape) != 3 or not all(isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= 4096 for n in shape):
        raise ConfigError(f"{shown(where)}: image_shape should be [channels, height, width], got {shown(shape)}")
    _check_modality(config, where)
    _check_sampler(config["sampler"], f"{where}: sampler")
    labels = config["labels"]
    _fields(labels, {"type": str}, {"names": list}, f"{where}: labels")
    if labels["type"] not in _LABELS or not all(isinstance(name, str) for name in labels.get("names", [])):
        raise ConfigError(f"{shown(where)}: labels should be of type {', '.join(_LABELS)} with a list of names")
    for section in ("parts", "objectives"):
        if len(config[section]) > MOST_SLOTS:
            raise ConfigError(f"{shown(where)} has {len(config[section])} {section}, more than {MOST_SLOTS}")
    for name in (*config["parts"], *config["objectives"]):
        if _SLOT.fullmatch(name) is None or len(name) > LONGEST_SLOT:
            raise ConfigError(f"{shown(where)}: nothing can be called {shown(name)!r}", hint="a-z, 0-9, - and _")
    for name, part in config["parts"].items():
        _check_part(part, _PART_OPTIONAL, f"{where}: parts.{name}")
    for name, objective in config["objectives"].items():
        _fields(objective, _OBJECTIVE, {}, f"{where}: objectives.{name}")
        _check_inner(objective["params"], f"{where}: objectives.{name}")
    return config


def sampler_entry(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The entry of the sampler that is used where none is named, None where there is none. A config has the name alone where nobody
    has set anything of it: the sampler's own defaults count then, and the entry has neither version nor format."""
    sampler = config["sampler"]
    if isinstance(sampler, str):
        return {"name": sampler, "version": "", "params": {}} if sampler else None
    entry: dict[str, Any] = sampler
    return entry


def _check_modality(config: Mapping[str, Any], where: str) -> None:
    """Refuse what is no modality, and tokens without a vocabulary or in another shape than windows have."""
    from zoo_core.interfaces.vocabulary import Modality, Vocabulary  # it imports torch, which zoo list does without

    modality = config.get("modality", "image")
    if modality not in get_args(Modality):
        raise ConfigError(
            f"{shown(where)}: modality should be one of {', '.join(get_args(Modality))}, got {shown(modality)!r}"
        )
    tokens = modality == "tokens"
    try:
        vocabulary = Vocabulary.of(config)
    except (DataError, TypeError) as error:
        raise ConfigError(f"{shown(where)}: vocabulary: {shown(error, 300)}") from None
    if tokens != bool(vocabulary):
        raise ConfigError(
            f"{shown(where)}: a model has a vocabulary where it is of tokens, and only there; its modality is {modality!r}"
        )
    if tokens and config["image_shape"][:2] != [1, 1]:
        raise ConfigError(
            f"{shown(where)}: image_shape should be [1, 1, length] for tokens, got {shown(config['image_shape'])}"
        )


def _check_sampler(sampler: Any, where: str) -> None:
    if isinstance(sampler, str):
        return
    if not isinstance(sampler, dict):
        raise ConfigError(f"{shown(where)} should be a name or a table, got {shown(repr(sampler))}")
    _fields(sampler, _SAMPLER, {}, where)


def is_entry(value: Any) -> bool:
    """Whether ``value``, among the parameters of a component, is the entry of another inside it."""
    return isinstance(value, dict) and value.keys() == _PART.keys()


def entries(config: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries of all components of a config, those inside others too, by their place: ``decoder``, ``decoder.net``,
    ``objective.elbo``."""
    for slot, entry in config["parts"].items():
        yield from _with_inner(slot, entry)
    for name, entry in config["objectives"].items():
        yield from _with_inner(f"objective.{name}", entry)


def _with_inner(place: str, entry: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield place, entry
    for key, value in entry["params"].items():
        if is_entry(value):
            yield from _with_inner(f"{place}.{key}", value)


def _check_inner(params: Mapping[str, Any], where: str) -> None:
    for key, value in params.items():
        if is_entry(value):
            _check_part(value, {}, f"{where}.{key}")


def _check_part(part: Any, optional: dict[str, type], where: str) -> None:
    _fields(part, _PART, optional, where)
    if part["kind"] not in PART_KINDS:
        raise ConfigError(
            f"{shown(where)} is of kind {shown(part['kind'])!r}",
            hint=f"a saved model holds only {', '.join(PART_KINDS)} and objectives",
        )
    if "weights" in part:
        _check_reference(part["weights"], f"{where}: weights")
    _check_inner(part["params"], where)


def _check_reference(weights: dict[str, Any], where: str) -> None:
    """Refuse a reference to published weights that is not pinned."""
    if set(weights) not in _REFERENCES or not all(isinstance(value, str) for value in weights.values()):
        raise ConfigError(
            f"{shown(where)} should have repo, commit, file and sha256, each a string, got {shown(weights)}"
        )
    for key, form in _PINS.items():
        if key in weights and form.fullmatch(weights[key]) is None:
            raise ConfigError(
                f"{shown(where)}: {key} should be {form.pattern[-3:-1]} hex digits, got {shown(weights[key])!r}"
            )


def _fields(table: Any, required: dict[str, type], optional: dict[str, type], where: str) -> None:
    if not isinstance(table, dict):
        raise ConfigError(f"{shown(where)}: should be a table, got {shown(table)!r}")
    known = {**required, **optional}
    for key, value in table.items():
        if key not in known:
            raise ConfigError(
                f"{shown(where)}: unknown key {shown(key)!r}",
                hint=did_you_mean(key, known) or f"known are {', '.join(known)}",
            )
        if not isinstance(value, known[key]) or (known[key] is int and isinstance(value, bool)):
            raise ConfigError(
                f"{shown(where)}: {shown(key)} should be of type {known[key].__name__}, got {shown(value)!r}"
            )
    missing = [key for key in required if key not in table]
    if missing:
        raise ConfigError(f"{shown(where)}: {', '.join(missing)} is missing")
