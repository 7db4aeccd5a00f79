"""Run: what a training left, and what its folder says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.data.references import saved_reference
from zoo_core.errors import RunError, shown
from zoo_core.files import is_file
from zoo_core.game.settings import as_table, training_settings
from zoo_core.model import Model
from zoo_core.training import checkpoints
from zoo_core.training.logs import read_lines


@dataclass(frozen=True)
class Run:
    """What a training left.

    Arguments:
        model: trained, in eval mode; with a moving average, its averaged weights.
        folder: where it was written; None when nowhere.
        reason: ``finished``, ``stopped early``, ``interrupted``, or what a callback said.
        rounds: how many were played in all.
        seconds: spent in rounds, over all parts of the run.
        validation: the last validation's means.
        diversity: of samples at the end, as a share of the data's; 0 is the same picture every time. None where it was not measured.
    """

    model: Model
    folder: Path | None
    reason: str
    rounds: int
    seconds: float
    validation: Mapping[str, float]
    diversity: float | None = None

    @property
    def history(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl."""
        return read_lines(self.folder) if self.folder else []

    @property
    def best(self) -> Path | None:
        """The saved model of the best validation, if there was one."""
        return self.folder / "best" if self.folder and (self.folder / "best" / "config.json").is_file() else None


def read_run(folder: Path) -> dict[str, Any]:
    """What run.json in ``folder`` says: data, seed and training settings.

    Raises:
        RunError: there is no run.
    """
    try:
        about: dict[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))
        settings, seed = training_settings(about["training"]), int(about["seed"])
        if not all(about[key] is None or isinstance(about[key], str) for key in ("data", "data_root")):
            raise TypeError("data and data_root should be texts")
        if not isinstance(about["data_settings"], dict):
            raise TypeError("data_settings should be a table")
    except FileNotFoundError:
        raise RunError(
            f"no run in {shown(folder)}: run.json is missing", hint="start one with: zoo train RECIPE --out FOLDER"
        ) from None
    except (OSError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise RunError(f"{shown(folder / 'run.json')} cannot be read: {shown(error)}") from None
    data = None if about["data"] is None else saved_reference(about["data"])
    return {**about, "data": data, "seed": seed, "training": as_table(settings)}


def refuse_to_overwrite(folder: Path) -> None:
    """Refuse a folder whose weights are of value: a run with a checkpoint, or a saved model.

    Raises:
        RunError: with what to do instead.
    """
    if is_file(folder / checkpoints.FILE):
        raise RunError(
            f"{shown(folder)} already holds a run",
            hint="go on with --resume (resume=True), or choose another --out",
        )
    if is_file(folder / "config.json") and not is_file(folder / "run.json"):
        raise RunError(f"{shown(folder)} already holds a saved model", hint="choose another --out")
