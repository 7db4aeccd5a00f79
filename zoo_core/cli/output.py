"""How commands print: aligned columns for people, tab-separated and untruncated for programs, JSON when asked. No colour."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from zoo_core.errors import shown

Row = Sequence[object]


def print_json(value: Any) -> None:
    """``value`` as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(header: Sequence[str], rows: Sequence[Row]) -> None:
    """A table. On a terminal it has a header, and the last column is cut at the edge."""
    cells = _cells(rows)
    if not sys.stdout.isatty():
        _print_tabbed(cells)
        return
    for line in _aligned([[name.upper() for name in header], *cells]):
        print(line)


def print_sections(sections: Sequence[tuple[str, Sequence[Row]]]) -> None:
    """Titled tables, those without rows left out. Off a terminal the title's first word is the first column."""
    filled = [(title, _cells(rows)) for title, rows in sections if rows]
    if not sys.stdout.isatty():
        for title, cells in filled:
            _print_tabbed([[title.split()[0], *row] for row in cells])
        return
    for title, cells in filled:
        print(f"\n{title}")
        for line in _aligned(cells, indent="  "):
            print(line)


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    return [[shown(cell, 100_000) for cell in row] for row in rows]


def _print_tabbed(cells: Sequence[Sequence[str]]) -> None:
    for row in cells:
        print("\t".join(row))


def _aligned(cells: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    width = shutil.get_terminal_size().columns
    columns = max(len(row) for row in cells)
    widths = [max((len(row[i]) for row in cells if i < len(row) - 1), default=0) for i in range(columns)]
    lines = [
        (indent + "  ".join([*(cell.ljust(w) for cell, w in zip(row[:-1], widths)), row[-1]])).rstrip() for row in cells
    ]
    return [line if len(line) <= width else line[: width - 1] + "…" for line in lines]
