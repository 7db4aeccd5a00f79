"""Run: what a training left, and what its folder says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.data.references import saved_reference
from zoo_core.errors import RunError, SettingError, shown
from zoo_core.game.settings import as_table, training_settings
from zoo_core.model import Model
from zoo_core.storage.files import is_file, is_folder, write_json
from zoo_core.training import checkpoints
from zoo_core.training.logs import LOG_FILE, read_lines

RUN_FILE = "run.json"
WRITTEN = (
    "config.json", "best/config.json", "model*.safetensors", "best/model*.safetensors", "model.safetensors.index.json",
    "best/model.safetensors.index.json", "metrics.jsonl", "metrics.json", "pictures/samples-*.png", "pictures/reconstructions-*.png",
)  # fmt: skip
"""What a training replaces or removes, beside run.json and its checkpoint."""


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


def write_run(folder: Path, about: Mapping[str, Any], rounds: int) -> None:
    """Write run.json.

    Arguments:
        about: recipe, data, seed and settings.
        rounds: how many the weights beside it have been trained for.
    """
    write_json(folder / RUN_FILE, {"format": 1, **about, "rounds": rounds})


def read_run(folder: Path) -> dict[str, Any]:
    """What run.json in ``folder`` says: data, seed and training settings.

    Raises:
        RunError: there is no run.
    """
    try:
        about: dict[str, Any] = json.loads((folder / RUN_FILE).read_text("utf-8"))
        settings, seed = training_settings(about["training"]), int(about["seed"])
        if not all(about[key] is None or isinstance(about[key], str) for key in ("data", "data_root")):
            raise TypeError("data and data_root should be strings")
        if not isinstance(about["data_settings"], dict):
            raise TypeError("data_settings should be a table")
        if not isinstance(about.get("rounds", 0), int):
            raise TypeError("rounds should be an integer")
    except FileNotFoundError:
        raise RunError(
            f"no run in {shown(folder)}: run.json is missing", hint="start one with: zoo train RECIPE --out FOLDER"
        ) from None
    except (OSError, LookupError, TypeError, ValueError, RecursionError, SettingError) as error:
        raise RunError(f"{shown(folder / RUN_FILE)} cannot be read: {shown(error)}") from None
    data = None if about["data"] is None else saved_reference(about["data"])
    return {**about, "data": data, "seed": seed, "training": as_table(settings)}


def refuse_to_overwrite(folder: Path) -> None:
    """Refuse a folder that a new training would spoil: it holds trained weights, or files that no training has written.

    A run that was killed before its first checkpoint is no such: its weights are those that it started from.

    Raises:
        RunError: with what to do instead.
    """
    if not is_folder(folder):
        return
    if is_file(folder / checkpoints.CHECKPOINT_FILE):
        raise RunError(
            f"{shown(folder)} already holds a run",
            hint="go on with --resume (resume=True), or choose another --out",
        )
    if not is_file(folder / RUN_FILE):
        _refuse_foreign(folder)
        return
    try:
        about = read_run(folder)
    except RunError as error:
        raise RunError(
            f"{shown(folder)} has a run.json that would be written over, and that is no run's: {error.what}",
            hint="choose another --out",
        ) from None
    # A run of an earlier version did not write down how long its weights were trained; that it has logged may mean that they were.
    if about.get("rounds", _has_logged(folder)):
        trained = f"{about['rounds']:,} rounds" if "rounds" in about else "some rounds"
        raise RunError(
            f"{shown(folder)} holds the weights of a run of {trained}, and no checkpoint to go on from: "
            "they would be written over",
            hint="choose another --out, or delete the folder if they are not needed",
        )


def _has_logged(folder: Path) -> bool:
    return is_file(folder / LOG_FILE) and (folder / LOG_FILE).stat().st_size > 0


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder without a run in which there are files that a run would replace or remove."""
    for pattern in WRITTEN:
        for path in folder.glob(pattern):
            if path.name == "config.json" and any(path.parent.glob("model*.safetensors")):
                raise RunError(f"{shown(path.parent)} already holds a saved model", hint="choose another --out")
            raise RunError(
                f"{shown(path)} would be written over, and no run has written it", hint="choose another --out"
            )
