"""Migration: settings and weight names that a component was saved with, as the installed one has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zoo_core.errors import ConfigError, ZooError, shown
from zoo_core.interfaces import Component
from zoo_core.registry.components import registry
from zoo_core.registry.parameter import Parameter, nested_spec, parameters
from zoo_core.storage.config import entries, is_entry


def migrated(entry: Mapping[str, Any], kind: str, where: str) -> dict[str, Any]:
    """The parameters of a saved part or objective as the installed component takes them. Components inside it come as tables with
    their ``name``, as users write them; their weights are in the model's file.

    Raises:
        ConfigError: it, or one inside it, was saved in a newer format than the installed one reads.
    """
    resolved = registry().resolve_saved(kind, entry["name"]).entry
    cls = resolved.load()
    if entry["format"] > cls.format:
        raise ConfigError(
            f"{where} was saved by {resolved.plugin} {shown(entry['version'])} in format {entry['format']}, "
            f"the installed {resolved.version} reads up to {cls.format}",
            hint=f"pip install -U {resolved.plugin}",
        )
    if entry["format"] == cls.format:
        return _with_inner(cls, entry["params"], where)
    try:
        params: dict[str, Any] = cls.migrate(entry["params"], entry["format"])
    except ZooError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{where}: its settings of format {entry['format']} could not be brought up to date: {type(error).__name__}: {shown(error)}"
        ) from error
    return _with_inner(cls, params, where)


def _with_inner(cls: type[Component], params: Mapping[str, Any], where: str) -> dict[str, Any]:
    """``params`` of ``cls`` with the components inside it as tables of today; see :func:`migrated`."""
    today = dict(params)
    for key, parameter in parameters(cls).items():
        if parameter.nested and not (today.get(key) is None and parameter.default is None):
            given = today.get(key, parameter.default)
            today[key] = _inner(parameter, parameter.default if given is None else given, f"{where}.{key}")
    return today


def _inner(parameter: Parameter, value: Any, where: str) -> dict[str, Any]:
    if is_entry(value):
        if value["kind"] != parameter.nested:
            raise ConfigError(f"{where} should be of kind {parameter.nested}, is of kind {shown(value['kind'])!r}")
        name, params = value["name"], migrated(value, parameter.nested, where)
    else:
        # As they were saved before they had entries of their own: as users write them.
        name, params = nested_spec(parameter, value, where)
    resolved = registry().resolve_saved(parameter.nested, name)
    cls = resolved.entry.load()
    if not is_entry(value):
        params = _with_inner(cls, params, where)
    own = {"weights": None} if "weights" in parameters(cls) else {}
    return {"name": resolved.qualified, **params, **own}


def names_today(config: Mapping[str, Any]) -> Callable[[str], str]:
    """From the names of a saved model's weights to those of today, where components have changed them since."""
    older: dict[str, tuple[type[Component], int]] = {}
    for place, entry in entries(config):
        cls = registry().resolve_saved(entry.get("kind", "objective"), entry["name"]).entry.load()
        if entry["format"] < cls.format:
            inner = place.removeprefix("objective.")
            older[f"parts.{place}." if inner == place else f"objectives.{inner}."] = (cls, entry["format"])

    def today(name: str) -> str:
        # What is inside first: the names around it may then change once more.
        for prefix in sorted(older, key=len, reverse=True):
            if name.startswith(prefix):
                cls, format = older[prefix]
                name = prefix + _renamed(cls, name.removeprefix(prefix), format)
        return name

    return today


def _renamed(cls: type[Component], name: str, format: int) -> str:
    try:
        return cls.migrate_name(name, format)
    except Exception as error:
        raise ConfigError(
            f"the weight {shown(name)} of format {format} could not be renamed: {type(error).__name__}: {shown(error)}"
        ) from error
