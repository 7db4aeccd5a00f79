"""What plugins register: components and commands, each call checked at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zoo_core.errors import PluginFailed, did_you_mean, shown
from zoo_core.registry.names import GRAMMAR, KINDS, Entry, is_family, is_name, is_target

_COMMAND = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


@dataclass(frozen=True)
class Command:
    """A command that a plugin brings.

    Arguments:
        name: as in ``zoo NAME``.
        plugin: whose it is.
        module: with ``configure(parser)`` and ``run(args) -> int``, imported when the command is used.
        summary: one line.
    """

    name: str
    plugin: str
    module: str
    summary: str

    @property
    def qualified(self) -> str:
        """``plugin:name``, which is unambiguous."""
        return f"{self.plugin}:{self.name}"


class _Registrar:
    """A ``register`` that one plugin is given; its first malformed call is kept, even where the plugin swallows the error."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin
        self.problem: PluginFailed | None = None

    def refuse(self, call: str, wrong: str) -> None:
        """Raise what is ``wrong`` with a ``call``, if anything is."""
        if wrong:
            failed = PluginFailed(f"register({call}, …): {wrong}", plugin=self.plugin)
            self.problem = self.problem or failed
            raise failed


class Registrar(_Registrar):
    """The ``register`` of ``register_components``."""

    def __init__(self, plugin: str, version: str) -> None:
        super().__init__(plugin)
        self.version = version
        self.entries: list[Entry] = []
        self._names: set[tuple[str, str]] = set()

    def __call__(self, kind: str, name: str, target: str, *, summary: str, paper: str = "") -> None:
        self.refuse(f"{shown(repr(kind))}, {shown(repr(name))}", self._wrong(kind, name, target, summary, paper))
        self._names.add((kind, name))
        self.entries.append(Entry(kind, name, self.plugin, self.version, target, summary, paper, name.endswith("/")))

    def _wrong(self, kind: object, name: object, target: object, summary: object, paper: object) -> str:
        texts = {"kind": kind, "name": name, "target": target, "summary": summary, "paper": paper}
        if wrong := not_lines(texts):
            return wrong
        if kind not in KINDS:
            return f"no such kind, {did_you_mean(str(kind), KINDS) or 'kinds are ' + ', '.join(KINDS)}"
        if not is_name(str(name)) and not is_family(str(name)):
            return GRAMMAR + "; the name of a family ends in a slash"
        if not is_target(str(target)):
            return f'target should look like "package.module:Class", is "{shown(target)}"'
        if not summary:
            return "summary should say in one line what it is"
        if (kind, name) in self._names:
            return "this name is registered twice"
        return ""


class CommandRegistrar(_Registrar):
    """The ``register`` of ``register_commands``."""

    def __init__(self, plugin: str) -> None:
        super().__init__(plugin)
        self.commands: list[Command] = []

    def __call__(self, name: str, module: str, *, summary: str) -> None:
        self.refuse(shown(repr(name)), self._wrong(name, module, summary))
        self.commands.append(Command(name, self.plugin, module, summary))

    def _wrong(self, name: object, module: object, summary: object) -> str:
        if wrong := not_lines({"name": name, "module": module, "summary": summary}):
            return wrong
        if _COMMAND.fullmatch(str(name)) is None:
            return "a command is lower-case letters and digits with single dashes between, a letter first"
        if _MODULE.fullmatch(str(module)) is None:
            return f'module should look like "package.module", is "{shown(module)}"'
        if not summary:
            return "summary should say in one line what it does"
        if any(command.name == name for command in self.commands):
            return "this name is registered twice"
        return ""


def not_lines(texts: dict[str, object]) -> str:
    """What is wrong with arguments that should each be a line of text; empty where nothing is."""
    for argument, value in texts.items():
        if not isinstance(value, str):
            return f"{argument} should be a text, is of type {type(value).__name__}"
        if not value.isprintable():
            return f"{argument} should be one line without control characters"
    return ""
