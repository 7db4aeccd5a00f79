"""Loading of plugins. Each is loaded by itself: one that fails hurts nobody else, and its status says why."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from importlib.metadata import entry_points as installed_entry_points
from typing import TYPE_CHECKING

from pluggy import PluginManager

from zoo_core import hookspecs
from zoo_core.errors import PluginFailed, did_you_mean, shown
from zoo_core.names import GRAMMAR, KINDS, Entry, is_family, is_name, is_target

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@dataclass(frozen=True)
class PluginStatus:
    """How the loading of one plugin went.

    Arguments:
        name: the entry point's name.
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
    """

    statuses: tuple[PluginStatus, ...] = ()
    entries: tuple[Entry, ...] = ()
    catalogues: tuple[tuple[str, Traversable], ...] = ()


@cache
def loaded_plugins() -> LoadedPlugins:
    """The plugins of this process, loaded at the first call."""
    return load_plugins(installed_entry_points(group=hookspecs.PROJECT))


def load_plugins(entry_points: Iterable[EntryPoint]) -> LoadedPlugins:
    """Load the plugin behind each of ``entry_points``.

    ``$ZOO_PLUGINS`` (names with commas between) loads only these; ``$ZOO_BLOCK_PLUGINS`` leaves these out.
    """
    only, blocked = _listed("ZOO_PLUGINS"), _listed("ZOO_BLOCK_PLUGINS")
    statuses: list[PluginStatus] = []
    entries: list[Entry] = []
    catalogues: list[tuple[str, Traversable]] = []
    owners: dict[str, str] = {}
    for found in sorted(((point.name, *_distribution(point), point) for point in entry_points), key=lambda f: f[:3]):
        name, distribution, version, point = found
        left_out = "blocked by ZOO_BLOCK_PLUGINS" if name in blocked else "left out by ZOO_PLUGINS" if only and name not in only else ""
        if left_out:
            statuses.append(PluginStatus(name, distribution, version, left_out, 0, left_out=True))
            continue
        registrar = Registrar(name, version)
        try:
            if name in owners:
                raise PluginFailed(f'refused: distributions "{shown(owners[name])}" and "{shown(distribution)}" both have a plugin '
                                   f'called "{shown(name)}", and the first one counts')
            owners[name] = distribution
            catalogue = _load(point, registrar)
        except (Exception, SystemExit) as error:
            statuses.append(PluginStatus(name, distribution, version, _reason(error), 0))
        else:
            statuses.append(PluginStatus(name, distribution, version, None, len(registrar.entries)))
            entries += registrar.entries
            catalogues += [(name, source) for source in catalogue]
    missing = only - {status.name for status in statuses}
    statuses += [PluginStatus(name, "", "", "ZOO_PLUGINS names it, and it is not installed", 0) for name in sorted(missing)]
    return LoadedPlugins(tuple(statuses), tuple(entries), tuple(catalogues))


class Registrar:
    """The ``register`` that one plugin is given; its first malformed call is kept, even where the plugin swallows the error."""

    def __init__(self, plugin: str, version: str) -> None:
        self.plugin = plugin
        self.version = version
        self.entries: list[Entry] = []
        self.problem: PluginFailed | None = None

    def __call__(self, kind: str, name: str, target: str, *, summary: str, paper: str = "") -> None:
        wrong = self._wrong(kind, name, target, summary, paper)
        if wrong:
            failed = PluginFailed(f"register({shown(repr(kind))}, {shown(repr(name))}, …): {wrong}", plugin=self.plugin)
            self.problem = self.problem or failed
            raise failed
        self.entries.append(Entry(kind, name, self.plugin, self.version, target, summary, paper, name.endswith("/")))

    def _wrong(self, kind: object, name: object, target: object, summary: object, paper: object) -> str:
        texts = {"kind": kind, "name": name, "target": target, "summary": summary, "paper": paper}
        for argument, value in texts.items():
            if not isinstance(value, str):
                return f"{argument} should be a text, is of type {type(value).__name__}"
            if not value.isprintable():
                return f"{argument} should be one line without control characters"
        if kind not in KINDS:
            return f"no such kind, {did_you_mean(str(kind), KINDS) or 'kinds are ' + ', '.join(KINDS)}"
        if not is_name(str(name)) and not is_family(str(name)):
            return GRAMMAR + "; the name of a family ends in a slash"
        if not is_target(str(target)):
            return f'target should look like "package.module:Class", is "{shown(target)}"'
        if not summary:
            return "summary should say in one line what it is"
        if any((entry.kind, entry.name) == (kind, name) for entry in self.entries):
            return "this name is registered twice"
        return ""


def _load(point: EntryPoint, registrar: Registrar) -> list[Traversable]:
    """Run the hooks of the plugin behind ``point``; its catalogue, if it has one."""
    from importlib.resources.abc import Traversable

    if not is_name(registrar.plugin):
        raise PluginFailed(f'"{shown(registrar.plugin)}" cannot be the name of a plugin: {GRAMMAR}')
    manager = PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    plugin = point.load()
    manager.register(plugin, registrar.plugin)
    manager.check_pending()
    if not manager.get_hookcallers(plugin):
        raise PluginFailed(f'"{shown(point.value)}" is of type {type(plugin).__name__} and has no hooks',
                           hint="it should be a module with functions marked @zoo_core.hookspecs.hookimpl")
    manager.hook.register_components(register=registrar)
    if registrar.problem is not None:
        raise registrar.problem
    catalogues = list(manager.hook.register_catalogue())
    for catalogue in catalogues:
        if not isinstance(catalogue, Traversable):
            raise PluginFailed(f"register_catalogue should give a path, gave an object of type {type(catalogue).__name__}")
    return catalogues


def _listed(variable: str) -> set[str]:
    return {name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()}


def _distribution(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution; damaged metadata give empty ones."""
    try:
        return (str(point.dist.name or ""), str(point.dist.version or "")) if point.dist is not None else ("", "")
    except Exception:
        return "", ""


def _reason(error: BaseException) -> str:
    """What went wrong in one line, with the place in the plugin's code where there is one."""
    if isinstance(error, PluginFailed):
        return str(error)
    from traceback import extract_tb

    frames = [f for f in extract_tb(error.__traceback__) if not f.filename.startswith("<") and f.filename != __file__]
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {shown(error, 300)}{place}"
