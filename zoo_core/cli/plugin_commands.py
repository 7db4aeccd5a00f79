"""Commands of ``zoo`` that plugins bring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from zoo_core.cli.verbs import VERBS, run_verb
from zoo_core.errors import PluginFailed, UnknownName, ZooError, did_you_mean, shown
from zoo_core.registry.guarded import described, guarded
from zoo_core.registry.loading import loaded_plugins
from zoo_core.registry.registration import Command


def spellings() -> dict[str, Command]:
    """The shortest name of each command that plugins bring: ``name``, or ``plugin:name`` where the core or another plugin has one
    of that name."""
    commands = loaded_plugins().commands
    owners = Counter([verb.name for verb in VERBS] + [command.name for command in commands])
    return {command.name if owners[command.name] == 1 else command.qualified: command for command in commands}


def usage_of_plugins() -> list[str]:
    """Their lines of ``zoo --help``, a group a plugin."""
    named = spellings()
    lines: list[str] = []
    for plugin in dict.fromkeys(command.plugin for command in named.values()):
        own = [(name, command) for name, command in named.items() if command.plugin == plugin]
        lines += [f"{plugin}:", *(f"  {name:<12} {shown(command.summary, 100)}" for name, command in own), ""]
    return lines


def run_plugin_command(name: str, argv: Sequence[str]) -> int:
    """Run the command that ``name`` stands for; its exit code.

    Raises:
        UnknownName: there is none, or more than one.
        PluginFailed: its module cannot be imported, or is not what it should be.
    """
    named = spellings()
    command = named.get(name) or next((c for c in named.values() if c.qualified == name), None)
    if command is None:
        raise _unknown(name, named)
    return run_verb(name, command.summary, _Checked(command), argv)


class _Checked:
    """The module of a command, its failures told with the plugin's name."""

    def __init__(self, command: Command) -> None:
        self._command = command
        try:
            with guarded(command.plugin, f"importing {command.module}", in_use=True):
                self._module: Any = import_module(command.module)
        except Exception as error:
            raise self._failed(f"could not be imported: {described(error)}") from error
        missing = [name for name in ("configure", "run") if not callable(getattr(self._module, name, None))]
        if missing:
            raise self._failed(f"has no function {' and no '.join(missing)}")

    def configure(self, parser: Any) -> None:
        """Let the module declare its arguments."""
        try:
            with guarded(self._command.plugin, "declaring its arguments", in_use=True):
                self._module.configure(parser)
        except ZooError as error:
            if isinstance(error, PluginFailed):
                raise self._failed(f"could not declare its arguments: {error}") from error
            raise
        except Exception as error:
            raise self._failed(f"could not declare its arguments: {described(error)}") from error

    def run(self, args: Any) -> int:
        """Run it; what it raises is its own affair, and None counts as 0."""
        code = self._module.run(args)
        return code if isinstance(code, int) else 0

    def _failed(self, what: str) -> PluginFailed:
        command = self._command
        return PluginFailed(
            f'plugin "{command.plugin}": command "{command.name}" ({command.module}) {what}',
            plugin=command.plugin,
            command=command.name,
        )


def _unknown(name: str, named: dict[str, Command]) -> UnknownName:
    owners = [spelled for spelled, command in named.items() if command.name == name]
    if owners:
        return UnknownName(
            f'"{shown(name)}" is the name of {len(owners)} commands',
            hint=f"say which: {' or '.join(owners)}",
            name=name,
        )
    names = [*(verb.name for verb in VERBS), *named]
    failed = [status.name for status in loaded_plugins().statuses if status.error is not None and not status.left_out]
    advice = [did_you_mean(name, names) or f"commands are {', '.join(names)}; see: zoo --help"]
    advice += [f"not loaded: {', '.join(map(shown, failed))}; zoo plugins says why"] if failed else []
    return UnknownName(f'there is no command "{shown(name)}"', hint="; ".join(advice), name=name)
