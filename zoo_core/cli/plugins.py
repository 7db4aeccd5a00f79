"""``zoo plugins``: what is installed, and what could not be loaded."""

from __future__ import annotations

import argparse

from zoo_core.cli.output import print_json, print_table
from zoo_core.errors import CatalogueError
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """One row a plugin; the last column is ``ok`` or what is wrong."""
    try:
        problems = catalogue().problems
    except CatalogueError:  # the core's file or that of $ZOO_REGISTRY: no plugin's fault, and other commands say so
        problems = {}
    header = ("name", "version", "distribution", "components", "status")
    rows = [
        (p.name, p.version, p.distribution, p.components, p.error or problems.get(p.name) or "ok")
        for p in registry().plugins
    ]
    if args.json:
        print_json([dict(zip(header, row)) for row in rows])
    else:
        print_table(header, rows)
    return 0
