"""What the experiments share: lines of a results file, a time budget, smaller data sets, where the data lie."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from zoo_core.interfaces import Dataset, MetricResult, Split
from zoo_core.interfaces.dataset import SplitName
from zoo_core.training import Callback
from zoo_core.training.trainer import Training

HERE = Path(__file__).parent
Line = TypeVar("Line")


def data_root() -> Path:
    """Where the data sets lie: $ZOO_SHARED_DATA, else shared/data beside the repository.

    Raises:
        SystemExit: it is not there.
    """
    root = Path(os.environ.get("ZOO_SHARED_DATA", HERE.parent.parent / "shared" / "data"))
    if not root.is_dir():
        sys.exit(f"no data in {root}; say where they are: ZOO_SHARED_DATA=DIR")
    return root


def arguments(description: str | None, *, table: bool = False) -> argparse.ArgumentParser:
    """``--seed``, ``--minutes`` and ``--gpu``, as every experiment has them, and ``--table`` where there is one to print.

    ``--gpu`` stands in the result as ``device``: ``cuda`` or ``cpu``.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="stop cleanly after so long; the same command goes on"
    )
    parser.add_argument(
        "--gpu", dest="device", action="store_const", const="cuda", default="cpu", help="on the first CUDA device"
    )
    if table:
        parser.add_argument("--table", action="store_true", help="print what has been measured, and train nothing")
    return parser


def add_lines(parser: argparse.ArgumentParser, lines: Collection[str]) -> None:
    """``--lines``, all of ``lines`` where nobody says, and the ``--split`` that they are measured on."""
    parser.add_argument("--lines", nargs="+", choices=lines, default=list(lines), metavar="LINE")
    parser.add_argument("--split", choices=("validation", "test"), default="test", help="measured on (default: test)")


class Results:
    """A results file in git: one JSON line a measurement, never measured twice."""

    def __init__(self, name: str) -> None:
        self.path = HERE / "results" / f"{name}.jsonl"
        self.lines: list[dict[str, Any]] = []
        if self.path.is_file():
            self.lines = [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]

    def has(self, **key: Any) -> bool:
        """True if a line with all of ``key`` is there."""
        return any(all(line.get(k) == v for k, v in key.items()) for line in self.lines)

    def add(self, **line: Any) -> None:
        """Append a line, with the machine and the versions."""
        device = (
            torch.cuda.get_device_name()
            if line.get("device") == "cuda"
            else f"{os.cpu_count()} CPU cores ({platform.machine()})"
        )
        full = {**line, "machine": device, "torch": torch.__version__.split("+")[0]}
        self.lines.append(full)
        self.path.parent.mkdir(exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(full) + "\n")


class Deadline(Callback):
    """Ends a training when the time is up; it can be resumed."""

    def __init__(self, minutes: float) -> None:
        self.end = time.monotonic() + 60 * minutes

    @property
    def passed(self) -> bool:
        """True when the time is up."""
        return time.monotonic() > self.end

    def on_round(self, training: Training, played: Any) -> None:
        if self.passed:
            training.stop("out of time")


def measure(args: argparse.Namespace, lines: Iterable[Line], run: Callable[[Line, Deadline], bool]) -> None:
    """``run`` each line until one says that the time is over; none of them for ``--table``.

    Arguments:
        args: parsed, of :func:`arguments` with a table.
        run: trains and measures one line; False when the time ran out.
    """
    if args.table:
        return
    deadline = Deadline(args.minutes)
    for line in lines:
        if not run(line, deadline):
            print("out of time; the same command goes on")
            break


def columns(figures: Iterable[MetricResult]) -> dict[str, dict[str, Any]]:
    """Figures as a line of results holds them: values, errors and protocols by the figure's name."""
    measured = list(figures)
    return {
        "figures": {figure.name: figure.value for figure in measured},
        "errors": {figure.name: figure.std for figure in measured if figure.std is not None},
        "protocol": {figure.name: dict(figure.protocol) for figure in measured},
    }


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The standard deviation over seeds as tables show it behind a mean; nothing for a single seed."""
    return f" ± {statistics.stdev(values):.{digits}g}" if len(values) > 1 else ""


@dataclass
class FirstImages(Dataset):
    """The first images of another data set's splits.

    Arguments:
        whole: the other data set.
        counts: split to how many; all of a split that is not named.
    """

    whole: Dataset
    counts: Mapping[SplitName, int]

    def __post_init__(self) -> None:
        self.name = self.whole.name
        self.image_shape = self.whole.image_shape
        self.labels = self.whole.labels

    def split(self, name: SplitName) -> Split:
        whole = self.whole.split(name)
        return whole.subset(range(min(self.counts.get(name, len(whole)), len(whole))))
