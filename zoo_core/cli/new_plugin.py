"""zoo new-plugin: a package with components of one's own, complete and working, to change."""

from __future__ import annotations

import argparse
import shlex

from zoo_core.authoring.kinds import KINDS, authored
from zoo_core.authoring.package import LICENCES

EXAMPLES = """examples:
  zoo new-plugin zoo-mine --kind encoder
  zoo new-plugin zoo-mine --kind encoder --kind objective --author "Ada Lovelace" --licence mit
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.description = (
        "Write a package with one small working component of each kind, its tests, README, licence and CI file."
    )
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("name", metavar="NAME", help="of the plugin, as in zoo-mine; its components are called mine")
    parser.add_argument(
        "--kind",
        action="append",
        required=True,
        metavar="KIND",
        help=f"what it brings, repeatable: {', '.join(KINDS)}",
    )
    parser.add_argument("--out", metavar="DIR", help="the folder to write (default: NAME)")
    parser.add_argument("--author", default="", metavar="WHO", help="for the licence and the package's metadata")
    parser.add_argument("--licence", "--license", default="apache-2.0", choices=LICENCES, help="default: apache-2.0")


def run(args: argparse.Namespace) -> int:
    """Write it, and say what to type next."""
    from zoo_core.authoring.package import new_plugin

    folder = new_plugin(args.name, args.kind, out=args.out, author=args.author, licence=args.licence)
    component = args.name.removeprefix("zoo-")
    print(f"wrote {folder}; next:")
    print(f"  cd {shlex.quote(str(folder))} && pip install -e '.[dev]'")
    print(f"  pytest && zoo check {args.name}")
    print(f"  {authored(args.kind[0]).use.format(name=component)}")
    return 0
