"""Logs of a run: metrics.jsonl and TensorBoard."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_core.storage.files import write_bytes

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

LOG_FILE = "metrics.jsonl"


class Logs:
    """Writes scalars and pictures of a run.

    Arguments:
        folder: of the run.
        lines: how many lines of an earlier metrics.jsonl to keep; what a killed run wrote after its last checkpoint is
            cut off.
    """

    def __init__(self, folder: Path, *, lines: int) -> None:
        self.lines = lines
        self._path = folder / LOG_FILE
        before = self._path.read_text("utf-8").splitlines(keepends=True)[:lines] if self._path.is_file() else []
        write_bytes(self._path, "".join(before).encode())
        self._file = self._path.open("a", encoding="utf-8")
        self._folder = folder / "tensorboard"
        self._board: SummaryWriter | None = None

    def _writer(self) -> SummaryWriter:
        if self._board is None:  # importing it takes a second
            from torch.utils.tensorboard.writer import SummaryWriter

            self._board = SummaryWriter(str(self._folder))
        return self._board

    def scalars(self, what: str, round: int, values: Mapping[str, float], **more: Any) -> None:
        """One line ``{"what", "round", …more, "values"}`` (null for what is not finite), and the same in TensorBoard."""
        plain = {name: value if math.isfinite(value) else None for name, value in values.items()}
        self._file.write(json.dumps({"what": what, "round": round, **more, "values": plain}, allow_nan=False) + "\n")
        self._file.flush()
        self.lines += 1
        for name, value in values.items():
            self._writer().add_scalar(f"{what}/{name}", value, round)

    def picture(self, what: str, round: int, pixels: np.ndarray[Any, Any]) -> None:
        """A picture (height, width, 3) in TensorBoard."""
        self._writer().add_image(what, pixels, round, dataformats="HWC")

    def close(self) -> None:
        """Flush and close."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """Every line of the metrics.jsonl in ``folder``."""
    path = folder / LOG_FILE
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []
