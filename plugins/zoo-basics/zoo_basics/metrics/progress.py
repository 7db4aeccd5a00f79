"""A bar for what takes its time: samples that are drawn, images that are looked at."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from torch import Tensor

FEWEST = 2000
"""Images; fewer are there at once, and a bar would only flicker."""


def tracked(batches: Iterable[Tensor], total: int, what: str) -> Iterator[Tensor]:
    """``batches`` as they are, with a bar over their ``total`` images where standard error is a terminal."""
    if total < FEWEST or not sys.stderr.isatty():
        yield from batches
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        for batch in batches:
            yield batch
            bar.advance(task, len(batch))
