"""Loading of plugins. Each is loaded by itself: one that fails, prints or hangs hurts nobody else, and its status says why."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from pluggy import PluginManager

from zoo_core import hookspecs
from zoo_core.errors import PluginFailed, shown
from zoo_core.registry.entry_points import CORE, Distributed, distributed, installed_entry_points, unmet
from zoo_core.registry.guarded import guarded, guarding, reason, time_limit
from zoo_core.registry.names import GRAMMAR, Entry, is_name
from zoo_core.registry.registration import Command, CommandRegistrar, Registrar
from zoo_core.version import VERSION

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

LATER = frozenset({"training_callbacks", "card_sections"})
"""Hooks that are asked when what they are about happens, not when plugins are found."""


@dataclass(frozen=True)
class PluginStatus:
    """How the loading of one plugin went.

    Arguments:
        name: the entry point's name; one that could not be printed is escaped, as are the next two.
        distribution, version: what is installed; empty where that is not known.
        error: why nothing of it is registered, in one line; None where all went well.
        components: how many it registered.
        left_out: it was not tried, because ``ZOO_PLUGINS`` or ``ZOO_BLOCK_PLUGINS`` said so.
    """

    name: str
    distribution: str
    version: str
    error: str | None
    components: int
    left_out: bool = False


@dataclass(frozen=True)
class LoadedPlugins:
    """What all plugins brought together.

    Arguments:
        statuses: one a plugin, by name.
        entries: every registered component.
        catalogues: plugin name and its own ``registry.toml``.
        commands: every registered command.
        later: plugin name and what its entry point names, for those that have a hook which is asked later.
    """

    statuses: tuple[PluginStatus, ...] = ()
    entries: tuple[Entry, ...] = ()
    catalogues: tuple[tuple[str, Traversable], ...] = ()
    commands: tuple[Command, ...] = ()
    later: tuple[tuple[str, object], ...] = ()


class _Loaded(NamedTuple):
    """What one plugin brought."""

    plugin: object
    entries: list[Entry]
    commands: list[Command]
    catalogues: list[Traversable]
    later: bool


@cache
def loaded_plugins() -> LoadedPlugins:
    """The plugins of this process, loaded at the first call."""
    return load_plugins(installed_entry_points())


def load_plugins(entry_points: Iterable[EntryPoint]) -> LoadedPlugins:
    """Load the plugin behind each of ``entry_points``.

    ``$ZOO_PLUGINS`` (names with commas between) loads only these; ``$ZOO_BLOCK_PLUGINS`` leaves these out.

    Raises:
        KeyboardInterrupt: the user pressed Ctrl-C.
        SettingError: ``$ZOO_PLUGIN_TIMEOUT`` is no number of seconds.
    """
    time_limit()  # wrong, it is no plugin's fault
    with guarding():
        return _load_all(entry_points)


def _load_all(entry_points: Iterable[EntryPoint]) -> LoadedPlugins:
    only, blocked = _listed("ZOO_PLUGINS"), _listed("ZOO_BLOCK_PLUGINS")
    statuses: list[PluginStatus] = []
    entries: list[Entry] = []
    commands: list[Command] = []
    catalogues: list[tuple[str, Traversable]] = []
    later: list[tuple[str, object]] = []
    manager = new_manager()
    owners: dict[str, str] = {}
    found = [(point, distributed(point)) for point in entry_points]
    for point, about in sorted(found, key=lambda one: (one[0].name, one[1].name, one[1].version)):
        name, distribution = point.name, about.name
        left_out = (
            "blocked by ZOO_BLOCK_PLUGINS"
            if name in blocked
            else "left out by ZOO_PLUGINS"
            if only and name not in only
            else ""
        )
        if left_out:
            statuses.append(_status(point, about, left_out, left_out=True))
            continue
        try:
            if name in owners:
                raise PluginFailed(
                    f'refused: distributions "{shown(owners[name])}" and "{shown(distribution)}" both have a plugin '
                    f'called "{shown(name)}", and the first one counts'
                )
            owners[name] = distribution
            with guarded(name, "being loaded"):
                loaded = _load(manager, point, about)
        except Exception as error:
            # What is left in it of a plugin that failed half way is its own.
            manager = new_manager()
            statuses.append(_status(point, about, reason(error)))
        else:
            statuses.append(_status(point, about, None, len(loaded.entries)))
            entries += loaded.entries
            commands += loaded.commands
            catalogues += [(name, source) for source in loaded.catalogues]
            later += [(name, loaded.plugin)] if loaded.later else []
    missing = sorted(only - {point.name for point, _ in found})
    statuses += [
        PluginStatus(shown(name), "", "", "ZOO_PLUGINS names it, and it is not installed", 0) for name in missing
    ]
    return LoadedPlugins(tuple(statuses), tuple(entries), tuple(catalogues), tuple(commands), tuple(later))


def _status(
    point: EntryPoint, about: Distributed, error: str | None, components: int = 0, *, left_out: bool = False
) -> PluginStatus:
    """A status whose texts, which are an installed package's, can be printed."""
    return PluginStatus(shown(point.name), shown(about.name), shown(about.version), error, components, left_out)


def _load(manager: PluginManager, point: EntryPoint, found: Distributed) -> _Loaded:
    """Run the hooks that a plugin is asked when it is found."""
    from importlib.resources.abc import Traversable

    if not point.value:
        raise PluginFailed("its entry_points.txt cannot be read", hint="install it again")
    if not is_name(point.name):
        raise PluginFailed(f'"{shown(point.name)}" cannot be the name of a plugin: {GRAMMAR}')
    if missing := unmet(found.core):
        raise PluginFailed(
            f"it needs {missing}, this is {CORE} {VERSION}", hint=f"pip install -U {CORE} {shown(found.name)}"
        )
    plugin = point.load()
    manager.register(plugin, point.name)
    try:
        manager.check_pending()
        implemented = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
        if not implemented:
            raise PluginFailed(
                f'"{shown(point.value)}" is of type {type(plugin).__name__} and has no hooks',
                hint="it should be a module with functions marked @zoo_core.hookspecs.hookimpl",
            )
        components, commands = Registrar(point.name, found.version), CommandRegistrar(point.name)
        manager.hook.register_components(register=components)
        manager.hook.register_commands(register=commands)
        if problem := components.problem or commands.problem:
            raise problem
        catalogues = list(manager.hook.register_catalogue())
    finally:
        manager.unregister(plugin)
    for catalogue in catalogues:
        if not isinstance(catalogue, Traversable):
            raise PluginFailed(
                f"register_catalogue should give a path, gave an object of type {type(catalogue).__name__}"
            )
    return _Loaded(plugin, components.entries, commands.commands, catalogues, bool(implemented & LATER))


class _Manager(PluginManager):
    """pluggy's manager, which passes over what in a module is plainly no hook: looking closely at each name of hundreds of modules
    takes most of the time of loading them."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        if isinstance(plugin, ModuleType):
            value = vars(plugin).get(name)
            if isinstance(value, str | ModuleType | type | dict) or value is None:
                return None
            if isinstance(value, FunctionType) and f"{hookspecs.PROJECT}_impl" not in vars(value):
                return None
        return super().parse_hookimpl_opts(plugin, name)


def new_manager() -> PluginManager:
    """A manager that knows the hooks and no plugin."""
    manager = _Manager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def _listed(variable: str) -> set[str]:
    return {name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()}
