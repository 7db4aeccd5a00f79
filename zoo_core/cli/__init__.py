"""The command ``zoo``. Each verb is a module of this package with ``configure(parser)`` and ``run(args) -> int``, imported when it
is asked for: what one verb needs costs the others nothing. Plugins' commands are looked for where no verb here has the name."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from zoo_core.errors import SettingError, ZooError, shown
from zoo_core.version import VERSION


class Verb(NamedTuple):
    """One subcommand: its name, the group it is listed in, what it does, and its module."""

    name: str
    group: str
    summary: str
    module: str


VERBS = (
    Verb("list", "look", "recipes and components, by name", "zoo_core.cli.list"),
    Verb("info", "look", "everything that can be set on a recipe or component", "zoo_core.cli.info"),
    Verb("plugins", "look", "what is installed, and what could not be loaded", "zoo_core.cli.plugins"),
    Verb("train", "train", "build a recipe, with parts swapped by name, and train it", "zoo_core.cli.train"),
    Verb("sample", "use", "pictures from a saved model", "zoo_core.cli.sample"),
    Verb("reconstruct", "use", "held-out images over their reconstructions", "zoo_core.cli.reconstruct"),
    Verb("eval", "use", "figures of a saved model on held-out data", "zoo_core.cli.evaluate"),
    Verb("plot", "use", "figures for people: codes, manifolds, curves …, by name", "zoo_core.cli.plot"),
    Verb("new-plugin", "author", "a package with an encoder, an objective … of your own, to fill in", "zoo_core.cli.new_plugin"),
    Verb("check", "author", "hold a plugin's components against their contracts", "zoo_core.cli.check"),
    Verb("inspect", "share", "what a saved or published model is, without its weights", "zoo_core.cli.inspect"),
    Verb("push", "share", "publish a model on the Hub, with a card", "zoo_core.cli.push"),
    Verb("pull", "share", "fetch published models, each file against its hash", "zoo_core.cli.pull"),
    Verb("lock", "share", "pin published models by commit and sha256", "zoo_core.cli.lock"),
    Verb("hub", "share", "a Hub of your own, for tests and private networks", "zoo_core.cli.hub"),
)

_EXAMPLES = """\
examples:
  zoo list --kind encoder            what can fill the part "encoder"
  zoo info vae                       its parts, settings, types and bounds
  zoo train vae --data digits --set encoder=resnet --out runs/vae
  zoo sample runs/vae -n 64 --out samples.png
  zoo train vae --data digits        into runs/vae-digits; Ctrl-C stops it, --resume goes on
  zoo sample runs/vae-digits -n 64   into samples.png
  zoo push runs/vae-digits org/name --license mit
"""


class _Parser(argparse.ArgumentParser):
    """Wrong arguments are errors like all others: one line."""

    def error(self, message: str) -> NoReturn:
        raise SettingError(shown(message, 500), hint=f"see: {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0, 2 for an error, 130 after Ctrl-C, 141 when nobody reads the output any more."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        # Not list(…): once the verb's module is imported, that name is zoo_core.cli.list here.
        code = _run([*(sys.argv[1:] if argv is None else argv)])
        sys.stdout.flush()
        return code
    except ZooError as error:
        print(f"zoo: {shown(' '.join(str(error).split()), 4000)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The interpreter flushes once more at exit, which would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _run(argv: Sequence[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if argv[0] == "--version":
        print(f"zoo {VERSION}")
        return 0
    verb = next((verb for verb in VERBS if verb.name == argv[0]), None)
    if verb is None:
        from zoo_core.cli.plugin_commands import run_plugin_command

        return run_plugin_command(argv[0], argv[1:])
    return run_verb(verb.name, verb.summary, import_module(verb.module), argv[1:])


def run_verb(name: str, summary: str, module: Any, argv: Sequence[str]) -> int:
    """Parse ``argv`` with what ``module`` declares, and run it."""
    parser = _Parser(prog=f"zoo {name}", description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False)
    module.configure(parser)
    try:
        args = parser.parse_args(argv)
    except SystemExit as end:  # --help
        return int(end.code or 0)
    code: int = module.run(args)
    return code


def usage() -> str:
    """The text of ``zoo --help``."""
    lines = ["usage: zoo COMMAND …        (zoo COMMAND --help says more)", "",
             "A zoo of generative models: parts mixed by name, trained, measured and shared.", ""]
    for group in dict.fromkeys(verb.group for verb in VERBS):
        lines += [f"{group}:", *(f"  {verb.name:<12} {verb.summary}" for verb in VERBS if verb.group == group), ""]
    from zoo_core.cli.plugin_commands import usage_of_plugins

    return "\n".join([*lines, *usage_of_plugins(), _EXAMPLES.rstrip()])
