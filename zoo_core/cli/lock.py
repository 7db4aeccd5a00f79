"""zoo lock: pin published models by commit and sha256."""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.description = (
        "Pin published models: print a catalogue in which each stands with its commit and the sha256 of every file. "
        "The list has one model a line: org/name[@revision], or name = org/name[@revision]; # begins a comment."
    )
    parser.epilog = (
        "example:\n  zoo lock models.txt > locked.toml\n  ZOO_REGISTRY=locked.toml zoo pull --locked\n"
        "  ZOO_REGISTRY=locked.toml python -c 'import zoo_core as zoo; zoo.load(\"name\")'"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("list", type=Path, metavar="models.txt", help="the list of models")


def run(args: argparse.Namespace) -> int:
    """Resolve, fetch, hash, print."""
    from zoo_core.errors import RunError, shown
    from zoo_core.publishing.lock import lock, read_lines

    try:
        text = args.list.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{shown(args.list)} cannot be read: {shown(error)}") from None
    print(lock(read_lines(text, str(args.list))), end="")
    return 0
