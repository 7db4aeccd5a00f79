"""The progress bar of a training: epoch, losses, images (or windows of tokens) a second, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self


class ProgressBar:
    """A bar on a terminal, one line an epoch elsewhere, nothing with ``show=False``.

    Arguments:
        total: rounds in all.
        done: rounds that an earlier part of the run played.
        rounds_per_epoch: to tell the epoch.
        show: False keeps quiet.
    """

    def __init__(self, total: int, done: int, rounds_per_epoch: int, *, show: bool) -> None:
        self._total, self._done, self._rounds_per_epoch, self._show = total, done, rounds_per_epoch, show
        self._losses = ""
        self._next_refresh = 0.0
        self._next_line = 0.0
        self._terminal = show and sys.stderr.isatty()

    def __enter__(self) -> Self:
        if self._terminal:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[losses]}"),
                console=Console(stderr=True),
                refresh_per_second=8,
            )
            self._progress.start()
            self._task = self._progress.add_task("epoch 1", total=self._total, completed=self._done, losses="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            self._progress.stop()

    def advance(self, rounds: int) -> None:
        """``rounds`` are played. Cheap: the terminal is written to a few times a second only."""
        self._done = rounds
        if not self._terminal:
            return
        now = time.monotonic()
        if now >= self._next_refresh or rounds == self._total:
            self._next_refresh = now + 0.125
            epoch = min(rounds, self._total - 1) // self._rounds_per_epoch + 1
            self._progress.update(self._task, completed=rounds, description=f"epoch {epoch}", losses=self._losses)

    def losses(self, values: Mapping[str, float], per_second: float, counted: str = "images") -> None:
        """What to show beside the bar; ``counted`` is what ``per_second`` counts."""
        self._losses = (
            "  ".join(f"{name} {value:.4g}" for name, value in values.items()) + f"  {per_second:,.0f} {counted}/s"
        )

    def epoch(self, epoch: int, epochs: int, figures: Mapping[str, float], diversity: float | None) -> None:
        """An epoch is complete. Off a terminal a line is printed, at most every two seconds and for the last one."""
        if not self._show or self._terminal:
            return
        now = time.monotonic()
        if now >= self._next_line or epoch == epochs:
            self._next_line = now + 2.0
            validation = f"  validation {figures['loss']:.4g}" if "loss" in figures else ""
            varied = "" if diversity is None else f"  diversity {diversity:.2g}"
            print(f"epoch {epoch}/{epochs}  {self._losses}{validation}{varied}", file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """Say ``text`` beside the bar, or on a line of its own off a terminal."""
        if self._terminal:
            self._progress.console.print(f"[yellow]{text}[/yellow]")
        elif self._show:
            print(text, file=sys.stderr, flush=True)
