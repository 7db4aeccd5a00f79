"""What a new plugin may be called, and what follows from it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from keyword import iskeyword, issoftkeyword

from zoo_core.errors import NameConflict, SettingError, shown

PREFIX = "zoo-"
LONGEST = 60
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_COMPONENT = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class PluginNames:
    """A plugin's name, and those that follow from it.

    Arguments:
        plugin: of the plugin and of the distribution: ``zoo-my-net``.
    """

    plugin: str

    @property
    def package(self) -> str:
        """What is imported: ``zoo_my_net``."""
        return self.plugin.replace("-", "_")

    @property
    def component(self) -> str:
        """Its components' name: ``my-net``."""
        return self.plugin.removeprefix(PREFIX)

    @property
    def prefix(self) -> str:
        """What its classes' names begin with: ``MyNet``."""
        return "".join(word.capitalize() for word in self.component.split("-"))


def check_names(name: str, kinds: Sequence[str], *, recipe: bool) -> PluginNames:
    """The names of a new plugin called ``name`` with a component of each of ``kinds``.

    Arguments:
        recipe: whether it has a recipe of its own, called as its components are.

    Raises:
        SettingError: it cannot be the name of a distribution, a module and a plugin at once.
        NameConflict: it, or the name that its components would have, is taken by something that is installed.
    """
    if _NAME.fullmatch(name) is None or len(name) > LONGEST:
        raise SettingError(
            f'"{shown(name)}" cannot be the name of a plugin: lower-case letters and digits with single dashes between, '
            f"a letter first, up to {LONGEST} characters",
            hint='as in "zoo-mine"',
        )
    names = PluginNames(name)
    if _COMPONENT.fullmatch(names.component) is None:
        raise SettingError(
            f'"{name}" would call its components "{names.component}", which begins with no letter',
            hint='as in "zoo-mine"',
        )
    if iskeyword(names.package) or issoftkeyword(names.package) or names.package in sys.stdlib_module_names:
        raise SettingError(
            f'"{name}" is a word of Python or a module of its own, and cannot be a package', hint=f"try {PREFIX}{name}"
        )
    _refuse_taken(names, kinds, recipe=recipe)
    return names


def _refuse_taken(names: PluginNames, kinds: Sequence[str], *, recipe: bool) -> None:
    from zoo_core.registry.catalogue import catalogue
    from zoo_core.registry.components import registry

    name, component = names.plugin, names.component
    other = "choose another name"
    if name in {plugin.name for plugin in registry().plugins}:
        raise NameConflict(f'a plugin called "{name}" is installed', hint=f"{other}, or: pip uninstall {name}")
    if name == "zoo-core" or name in catalogue().plugins:
        raise NameConflict(f'"{name}" is the name of a known plugin', hint=other)
    spec = find_spec(names.package)
    if spec is not None and spec.origin is not None:
        raise NameConflict(f'a package called "{names.package}" is installed', hint=other)
    for entry in registry().entries():
        if entry.kind in kinds and entry.name in (component, component + "/"):
            raise NameConflict(
                f'plugin "{entry.plugin}" has a component of kind {entry.kind} called "{entry.name}"', hint=other
            )
    if recipe and component in catalogue().recipes:
        raise NameConflict(f'there is a recipe called "{component}"', hint=other)
