"""What the experiments share: lines of a results file, a time budget, smaller data sets, where the data lie."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zoo_core.interfaces import Dataset, Split
from zoo_core.interfaces.dataset import SplitName
from zoo_core.training import Callback
from zoo_core.training.trainer import Training

HERE = Path(__file__).parent


def data_root() -> Path:
    """Where the data sets lie: $ZOO_SHARED_DATA, else shared/data beside the repository.

    Raises:
        SystemExit: it is not there.
    """
    root = Path(os.environ.get("ZOO_SHARED_DATA", HERE.parent.parent / "shared" / "data"))
    if not root.is_dir():
        sys.exit(f"no data in {root}; say where they are: ZOO_SHARED_DATA=DIR")
    return root


def arguments(description: str | None) -> argparse.ArgumentParser:
    """``--seed``, ``--minutes`` and ``--gpu``, as every experiment has them."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="stop cleanly after so long; the same command goes on"
    )
    parser.add_argument("--gpu", action="store_true", help="on the first CUDA device")
    return parser


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


def until_out_of_time(lines: Iterable[str], run: Callable[[str], bool]) -> None:
    """``run`` each line until one says that the time is over."""
    for line in lines:
        if not run(line):
            print("out of time; the same command goes on")
            break


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
