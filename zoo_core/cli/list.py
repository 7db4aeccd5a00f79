"""``zoo list``: what there is, by name."""

from __future__ import annotations

import argparse
import sys

from zoo_core.cli.output import print_json, print_table
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--kind", help="only components of this kind; recipe and weights are kinds here, too")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Recipes first, then published weights, then components by kind."""
    components = () if args.kind in ("recipe", "weights") else registry().entries(args.kind)
    rows: list[tuple[str, str, str, str]] = []
    if args.kind in (None, "recipe"):
        rows += [
            ("recipe", recipe.name, recipe.source, recipe.summary)
            for recipe in sorted(catalogue().recipes.values(), key=lambda recipe: recipe.name)
        ]
    if args.kind in (None, "weights"):
        rows += [
            ("weights", weights.name, weights.source, weights.summary)
            for weights in sorted(catalogue().weights.values(), key=lambda weights: weights.name)
        ]
    rows += [(entry.kind, registry().spelling(entry), entry.plugin, entry.summary) for entry in components]
    header = ("kind", "name", "plugin", "summary")
    if args.json:
        print_json([dict(zip(header, row)) for row in rows])
    else:
        print_table(header, rows)
    failed = [plugin.name for plugin in registry().plugins if plugin.error is not None and not plugin.left_out]
    if failed:
        print(f"zoo: not loaded: {', '.join(failed)}; zoo plugins says why", file=sys.stderr)
    return 0
