"""Which plugins a config needs, and which of them are missing here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo_core.errors import PluginMissing, shown
from zoo_core.storage.config import entries, sampler_entry


@dataclass(frozen=True)
class Requirement:
    """A plugin that a model was made with.

    Arguments:
        plugin: its name, which is the distribution's.
        version: which version it was saved by; empty where the config does not say (of a sampler without settings).
        installed: the version that is installed here; None where none is, or where it could not be loaded.
        install: what to type to have it.
        problem: why an installed one could not be loaded.
    """

    plugin: str
    version: str
    installed: str | None
    install: str
    problem: str | None = None


def requirements(config: Mapping[str, Any]) -> list[Requirement]:
    """The plugins behind the components of a checked config, those inside others too, by name."""
    from zoo_core.registry.catalogue import catalogue
    from zoo_core.registry.components import registry

    needed: dict[str, str] = {}
    for _, entry in entries(config):
        owner, colon, _ = entry["name"].rpartition(":")
        if colon:
            needed.setdefault(owner, entry["version"])
    sampler = sampler_entry(config)
    owner, colon, _ = sampler["name"].rpartition(":") if sampler is not None else ("", "", "")
    if sampler is not None and colon:
        needed.setdefault(owner, sampler["version"])
    known = catalogue().plugins
    statuses = {status.name: status for status in registry().plugins}
    found = []
    for plugin, version in sorted(needed.items()):
        status = statuses.get(plugin)
        usable = status is not None and status.error is None
        found.append(
            Requirement(
                plugin,
                version,
                status.version if status is not None and usable else None,
                f"pip install {known.get(plugin, plugin)}",
                status.error if status is not None else None,
            )
        )
    return found


def refuse_missing(config: Mapping[str, Any], where: str) -> None:
    """Refuse a checked config with a plugin that is not installed or could not be loaded.

    Raises:
        PluginMissing: with all of them, and what to type.
    """
    missing = [one for one in requirements(config) if one.installed is None]
    if not missing:
        return
    broken = [one for one in missing if one.problem is not None]
    told = ", ".join(
        shown(one.plugin) + (f" (saved by {shown(one.version, 20)})" if one.version else "") for one in missing
    )
    hints = [shown(one.install) for one in missing if one.problem is None]
    hints += [f"{shown(one.plugin)} is installed but not loaded: {shown(one.problem, 200)}" for one in broken]
    raise PluginMissing(
        f"{shown(where)} needs what is not installed: {told}",
        hint="; ".join(hints)
        + ("; a plugin runs code: install it if you trust it" if len(missing) > len(broken) else ""),
        plugins=[one.plugin for one in missing],
    )
