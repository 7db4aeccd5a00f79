"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable


def head(cells: list[str]) -> list[str]:
    """The two lines that a table begins with: all columns but the first hold numbers."""
    return [line(cells), line(["---", *("--:" for _ in cells[1:])])]


def table(title: str, columns: list[str], lines: Iterable[str]) -> list[str]:
    """A table below its title, and the empty line after it."""
    return [title, "", *head(columns), *lines, ""]


def line(cells: Iterable[str]) -> str:
    """One row."""
    return f"| {' | '.join(cells)} |"


def number(count: int, *, tried: bool = True) -> str:
    """A count as a cell shows it: a dash where all was refused, nothing where nothing was tried."""
    return (str(count) if count else "–") if tried else ""
