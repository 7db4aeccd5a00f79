"""Migration: settings and weight names that a component was saved with, as the installed one has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zoo_core.errors import ConfigError, ZooError, shown
from zoo_core.interfaces import Component
from zoo_core.registry import registry


def migrated(entry: Mapping[str, Any], kind: str, where: str) -> dict[str, Any]:
    """The parameters of a saved part or objective as the installed component takes them.

    Raises:
        ConfigError: it was saved in a newer format than the installed one reads.
    """
    resolved = registry().resolve(kind, entry["name"]).entry
    cls = resolved.load()
    if entry["format"] > cls.format:
        raise ConfigError(
            f"{where} was saved by {resolved.plugin} {shown(entry['version'])} in format {entry['format']}, "
            f"the installed {resolved.version} reads up to {cls.format}",
            hint=f"pip install -U {resolved.plugin}",
        )
    if entry["format"] == cls.format:
        return dict(entry["params"])
    try:
        params: dict[str, Any] = cls.migrate(entry["params"], entry["format"])
    except ZooError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{where}: its settings of format {entry['format']} could not be brought up to date: {type(error).__name__}: {shown(error)}"
        ) from error
    return params


def names_today(config: Mapping[str, Any]) -> Callable[[str], str]:
    """From the names of a saved model's weights to those of today, where components have changed them since."""
    older: dict[str, tuple[type[Component], int]] = {}
    for section, entries in (("parts", config["parts"]), ("objectives", config["objectives"])):
        for slot, entry in entries.items():
            cls = registry().resolve(entry.get("kind", "objective"), entry["name"]).entry.load()
            if entry["format"] < cls.format:
                older[f"{section}.{slot}."] = (cls, entry["format"])

    def today(name: str) -> str:
        for prefix, (cls, format) in older.items():
            if name.startswith(prefix):
                return prefix + _renamed(cls, name.removeprefix(prefix), format)
        return name

    return today


def _renamed(cls: type[Component], name: str, format: int) -> str:
    try:
        return cls.migrate_name(name, format)
    except Exception as error:
        raise ConfigError(
            f"the weight {shown(name)} of format {format} could not be renamed: {type(error).__name__}: {shown(error)}"
        ) from error
