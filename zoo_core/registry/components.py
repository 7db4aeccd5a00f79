"""Registry: names to components."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint

from zoo_core.errors import CatalogueError, NameConflict, UnknownName, did_you_mean, shown
from zoo_core.registry.loading import LoadedPlugins, PluginStatus, load_plugins, loaded_plugins
from zoo_core.registry.names import KINDS, ComponentName, Entry, check_kind

__all__ = ["Entry", "Registry", "Resolved", "registry"]


@dataclass(frozen=True)
class Resolved:
    """The component that a name stands for.

    Arguments:
        entry: the component or its family.
        architecture: for a member of a family, what stood after the slash. Its class checks whether it exists.
    """

    entry: Entry
    architecture: str | None = None

    @property
    def qualified(self) -> str:
        """``plugin:name``, with the architecture of a member of a family."""
        return self.entry.qualified + (self.architecture or "")


class Registry:
    """Every registered component, found by kind and name.

    Arguments:
        loaded: what the plugins brought.
        known_plugins: plugins that may not be installed, name to pip requirement; None asks the catalogue when it is needed.
    """

    def __init__(self, loaded: LoadedPlugins, known_plugins: Mapping[str, str] | None = None) -> None:
        self.plugins: tuple[PluginStatus, ...] = loaded.statuses
        self._entries = tuple(sorted(loaded.entries, key=lambda e: (KINDS.index(e.kind), e.name, e.plugin)))
        self._called: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in self._entries:
            self._called[entry.kind, entry.name].append(entry)
        self._known_plugins = known_plugins

    @classmethod
    def load(cls, entry_points: Iterable[EntryPoint], known_plugins: Mapping[str, str] | None = None) -> Registry:
        """A fresh registry of the plugins behind ``entry_points``, for tests; it leaves the process-wide one alone."""
        return cls(load_plugins(entry_points), known_plugins)

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """The components of one kind, or all, by kind and name.

        Raises:
            UnknownName: there is no such kind.
        """
        if kind is None:
            return self._entries
        check_kind(kind)
        return tuple(entry for entry in self._entries if entry.kind == kind)

    def resolve(self, kind: str, name: str) -> Resolved:
        """The component of ``kind`` that ``name`` stands for: ``name``, ``family/architecture``, ``plugin:name`` or
        ``plugin:family/architecture``.

        Raises:
            UnknownName: there is none; the text says what is near, and which plugins could not be loaded.
            NameConflict: two plugins own the short name.
        """
        check_kind(kind)
        wanted = ComponentName.parse(name)
        found = [e for e in self._called.get((kind, wanted.name), ()) if wanted.plugin in (None, e.plugin)]
        if len(found) > 1:
            spelled = [f'"{e.qualified}{wanted.architecture or ""}"' for e in found]
            raise NameConflict(
                f'"{shown(name)}" is the name of {len(found)} components of kind {kind}',
                hint=f"say which: {' or '.join(spelled)}",
                kind=kind,
                name=name,
            )
        if not found:
            raise UnknownName(
                f'there is no {kind} "{shown(name)}"', hint=self._advice(kind, wanted), kind=kind, name=name
            )
        return Resolved(found[0], wanted.architecture)

    def resolve_saved(self, kind: str, name: str) -> Resolved:
        """As :meth:`resolve`, for a name that stands in a file. Files of before names were saved qualified have short ones, which
        mean the official plugins, whoever else has registered the same since.

        Raises:
            UnknownName, NameConflict: as :meth:`resolve`.
        """
        try:
            return self.resolve(kind, name)
        except NameConflict:
            wanted = ComponentName.parse(name)
            official = [e for e in self._called[kind, wanted.name] if e.plugin in self._official()]
            if len(official) != 1:
                raise
            return Resolved(official[0], wanted.architecture)

    def spelled(self, kind: str, name: str) -> str:
        """``name`` as short as it may be; as it is where nothing is registered under it."""
        try:
            resolved = self.resolve(kind, name)
        except (UnknownName, NameConflict):
            return name
        return self.spelling(resolved.entry) + (resolved.architecture or "")

    def find(self, name: str) -> list[Resolved]:
        """The components of any kind called ``name``, families by their own name (``timm/``) too; all owners of a short name."""
        whole = [Resolved(e) for e in self._entries if name in (e.name, e.qualified)]
        if whole:
            return whole
        try:
            wanted = ComponentName.parse(name)
        except UnknownName:
            return []
        return [
            Resolved(e, wanted.architecture)
            for e in self._entries
            if e.name == wanted.name and wanted.plugin in (None, e.plugin)
        ]

    def spelling(self, entry: Entry) -> str:
        """The shortest name that means ``entry``: the short one, or the qualified where others have the same."""
        return entry.name if len(self._called[entry.kind, entry.name]) == 1 else entry.qualified

    def _advice(self, kind: str, wanted: ComponentName) -> str:
        """What to do about a name that is not there."""
        advice: list[str] = []
        of_kind = self.entries(kind)
        names = {e.qualified if wanted.plugin else e.name for e in of_kind}
        text = f"{wanted.plugin}:{wanted.name}" if wanted.plugin else wanted.name
        if any(e.family and e.name == wanted.name + "/" for e in of_kind):
            advice.append(f'"{wanted.name}/" is a family: write {wanted.name}/NAME')
        elif near := did_you_mean(text, names):
            advice.append(near)
        elsewhere = sorted({e.kind for e in self._entries if e.name == wanted.name and e.kind != kind})
        if elsewhere:
            advice.append(f"it is the name of a component of kind {' and '.join(elsewhere)}")
        if install := self._install(wanted):
            advice.append(install)
        advice += [
            f"plugin {shown(p.name)} is not loaded: {shown(p.error, 300)}" for p in self.plugins if p.error is not None
        ]
        return "; ".join([*advice, f"see all with: zoo list --kind {kind}"])

    def _install(self, wanted: ComponentName) -> str:
        known = self._known_plugins
        if known is None:
            from zoo_core.registry.catalogue import catalogue

            try:
                known = catalogue().plugins
            except CatalogueError:
                return ""
        plugin = wanted.plugin or f"zoo-{wanted.name.removesuffix('/')}"
        installed = {p.name for p in self.plugins}
        return (
            f"plugin {plugin} is not installed: pip install {known[plugin]}"
            if plugin in known and plugin not in installed
            else ""
        )

    def _official(self) -> Collection[str]:
        """The plugins that the core's catalogue names."""
        if self._known_plugins is not None:
            return self._known_plugins
        from zoo_core.registry.catalogue import catalogue

        try:
            return catalogue().official
        except CatalogueError:
            return ()


@cache
def registry() -> Registry:
    """The registry of this process, loaded at the first call. A test that needs another makes its own with
    :meth:`Registry.load`, or calls ``registry.cache_clear()`` and ``loaded_plugins.cache_clear()``."""
    return Registry(loaded_plugins())
