"""The command ``zoo``. Each verb is a module of this package with ``configure(parser)`` and ``run(args) -> int``, imported when it
is asked for: what one verb needs costs the others nothing. Plugins' commands are looked for where no verb here has the name."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from zoo_core.cli.plugin_commands import run_plugin_command, usage_of_plugins
from zoo_core.cli.verbs import VERBS, run_verb
from zoo_core.errors import ZooError, shown
from zoo_core.exports import exported
from zoo_core.version import VERSION

if TYPE_CHECKING:
    from zoo_core.cli.evaluate import data_of as data_of
    from zoo_core.cli.values import add_data as add_data
    from zoo_core.cli.values import add_device as add_device
    from zoo_core.cli.values import add_settings as add_settings
    from zoo_core.cli.values import count as count
    from zoo_core.cli.values import data_settings as data_settings
    from zoo_core.cli.values import parse_settings as parse_settings
    from zoo_core.cli.values import refuse_all_but_data as refuse_all_but_data
    from zoo_core.cli.values import whole as whole

__all__ = [
    "add_data",
    "add_device",
    "add_settings",
    "count",
    "data_of",
    "data_settings",
    "main",
    "parse_settings",
    "refuse_all_but_data",
    "whole",
]

__getattr__ = exported(
    __name__,
    {
        "data_settings": "zoo_core.cli.values",
        "parse_settings": "zoo_core.cli.values",
        "add_data": "zoo_core.cli.values",
        "add_device": "zoo_core.cli.values",
        "add_settings": "zoo_core.cli.values",
        "count": "zoo_core.cli.values",
        "data_of": "zoo_core.cli.evaluate",
        "refuse_all_but_data": "zoo_core.cli.values",
        "whole": "zoo_core.cli.values",
    },
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
        return run_plugin_command(argv[0], argv[1:])
    return run_verb(verb.name, verb.summary, import_module(verb.module), argv[1:])


def usage() -> str:
    """The text of ``zoo --help``."""
    lines = [
        "usage: zoo COMMAND …        (zoo COMMAND --help says more)",
        "",
        "A zoo of generative models: parts mixed by name, trained, measured and shared.",
        "",
    ]
    for group in dict.fromkeys(verb.group for verb in VERBS):
        lines += [f"{group}:", *(f"  {verb.name:<12} {verb.summary}" for verb in VERBS if verb.group == group), ""]
    return "\n".join([*lines, *usage_of_plugins(), _EXAMPLES.rstrip()])
