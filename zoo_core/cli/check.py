"""``zoo check``: hold a plugin's components against their contracts."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo_core.cli.output import print_json, print_table
from zoo_core.errors import shown

if TYPE_CHECKING:
    from zoo_core.testing import CheckResult


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("plugin", help="an installed plugin, as zoo plugins shows it")
    parser.add_argument("--check", action="append", metavar="NAME", help="only this check; may be given several times")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """One row a check; exit code 0 where all hold, 1 where one does not."""
    from zoo_core.testing import check_plugin

    results = check_plugin(args.plugin, checks=args.check)
    if args.json:
        print_json([result.as_table() for result in results])
    else:
        rows = [
            (r.kind, f"{r.component}[{r.example}]", r.check, r.status, f"{r.seconds:.2f}", r.reason)
            # What is to be done about stands last, beside the prompt.
            for r in sorted(results, key=lambda r: not r.good)
        ]
        print_table(("kind", "component", "check", "status", "seconds", "reason"), rows)
        if sys.stdout.isatty():
            _print_reasons([result for result in results if result.status == "skipped"])
            _print_reasons([result for result in results if not result.good])
        counts = Counter(result.status for result in results)
        total = sum(result.seconds for result in results)
        print(f"{', '.join(f'{n} {status}' for status, n in sorted(counts.items()))} in {total:.1f} s", file=sys.stderr)
    return 0 if all(result.good for result in results) else 1


def _print_reasons(results: Sequence[CheckResult]) -> None:
    """Each reason in full, which the table cuts, under the checks that have it."""
    alike: dict[str, list[CheckResult]] = {}
    for result in results:
        alike.setdefault(result.reason, []).append(result)
    for reason, those in alike.items():
        print()
        for result in those:
            print(f"{result.kind} {result.component}[{result.example}]: {result.check}: {result.status}")
        print(f"  {shown(reason, 100_000)}")
