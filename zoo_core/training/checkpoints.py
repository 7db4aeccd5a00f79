"""Checkpoints: one safetensors file that holds all a resumed run needs, written atomically.

Tensors are the weights, the optimizers' state and the random states; everything else is JSON in the file's header.
Nothing is pickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo_core.errors import RunError, shown
from zoo_core.files import write_tensors
from zoo_core.model import Model
from zoo_core.tensors.fitting import restore_weights
from zoo_core.tensors.opened import read_tensors

if TYPE_CHECKING:
    from zoo_core.training.session import Session

FILE = "checkpoint.safetensors"
FORMAT = 1


@dataclass
class Progress:
    """Where a training stands, beside its tensors.

    Arguments:
        epoch: epochs that are complete.
        log_lines: lines of metrics.jsonl that belong to it; later ones are cut off on resume.
        best: the best validation value so far.
        since_best: validations since then.
        seconds: time spent in rounds so far.
    """

    epoch: int = 0
    log_lines: int = 0
    best: float | None = None
    since_best: int = 0
    seconds: float = 0.0


def write_checkpoint(folder: Path, session: Session, progress: Progress) -> None:
    """Write the checkpoint of ``session`` into ``folder``, in the place of the last one.

    Raises:
        RunError: it cannot be written; the last one is still whole.
    """
    game = session.game
    tensors: dict[str, Tensor] = {f"model.{name}": tensor for name, tensor in _own_state(session.model).items()}
    players: dict[str, Any] = {}
    for name, player in game.players.items():
        state, players[name] = player.state()
        tensors |= {f"player.{name}/{key}": tensor for key, tensor in state.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if session.processes.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(session.processes.device)
    header = {
        "format": FORMAT,
        "setup": _setup(session),
        "round": game.round,
        "steps_drawn": game.steps_drawn,
        "streams": {name: stream.state() for name, stream in session.streams.items()},
        "players": players,
        "progress": asdict(progress),
    }
    write_tensors(folder / FILE, tensors, {"checkpoint": json.dumps(header)})


def read_checkpoint(folder: Path, session: Session) -> Progress:
    """Bring ``session`` to where the checkpoint in ``folder`` was written.

    Raises:
        RunError: it is damaged, or of another model or data set.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {})["checkpoint"])
        if header["format"] != FORMAT:
            raise RunError(f"{shown(path)} has format {shown(header['format'])}, this zoo_core reads {FORMAT}")
        before, now = header["setup"], _setup(session)
        different = [key for key in now if before[key] != now[key]]
    except (OSError, SafetensorError, LookupError, TypeError, ValueError) as error:
        raise _damaged(path, error) from None
    tensors = read_tensors(path)
    model_state = _prefixed(tensors, "model.")
    restore_weights(session.model, model_state, set(_own_state(session.model)), str(path))
    if different:
        key = different[0]
        raise RunError(
            f"{shown(path)} was written with other {key}: {shown(before[key])}, now {shown(now[key])}",
            hint="resume with the data and settings that it was started with",
        )
    try:
        return _restore(session, tensors, header)
    except (LookupError, TypeError, ValueError) as error:
        raise _damaged(path, error) from None


def _restore(session: Session, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> Progress:
    for name, player in session.game.players.items():
        player.restore(_prefixed(tensors, f"player.{name}/"), header["players"][name])
    session.game.round = header["round"]
    session.game.steps_drawn = header["steps_drawn"]
    for name, stream in session.streams.items():
        stream.restore(header["streams"][name])
    torch.set_rng_state(tensors["random.cpu"].cpu())
    if "random.cuda" in tensors and session.processes.device.type == "cuda":
        torch.cuda.set_rng_state(tensors["random.cuda"].cpu(), session.processes.device)
    return Progress(**header["progress"])


def _damaged(path: Path, error: Exception) -> RunError:
    return RunError(
        f"{shown(path)} is damaged: {type(error).__name__} {shown(error)}",
        hint=f"the last saved weights are still in {shown(path.parent)}",
    )


def _setup(session: Session) -> dict[str, Any]:
    """What has to be the same for a checkpoint to mean anything: what the tensors and places in it belong to."""
    return {
        "seed": session.seed,
        "players": {
            name: {
                "optimizer": player.rules.optimizer,
                "weights": len(player.parameters),
                "averaged": player.rules.ema is not None,
            }
            for name, player in session.game.players.items()
        },
        "streams": {
            name: {"examples": len(session.sources[name]), "batches": stream.batches_per_epoch}
            for name, stream in session.streams.items()
        },
    }


def _own_state(model: Model) -> dict[str, Tensor]:
    """All weights but those of frozen nets that bring their own."""
    skipped = tuple(f"parts.{name}." for name in model.frozen if "weights" in model.config["parts"][name])
    state: dict[str, Tensor] = model.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.startswith(skipped or ("\0",))}


def _prefixed(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
