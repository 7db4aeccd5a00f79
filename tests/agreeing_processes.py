"""One of two processes in which something happens in one alone; started by ``test_agreeing``.

Arguments: the folder for the runs. What came of each case is written to ``rankN.json`` in it.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

import zoo_core as zoo
from zoo_core.interfaces import Term
from zoo_core.training import Callback, Training
from zoo_core.training.lock import locked

SHAPE = (1, 8, 8)
DATA = torch.rand(60, *SHAPE, generator=torch.Generator().manual_seed(0))
"""Four rounds of 12 an epoch."""
HOOKS = ("on_start", "on_round", "on_log", "on_validation", "on_epoch")
RANK = int(os.environ.get("RANK", "0"))
SHARED = {
    "autoencoder": {"trains": ["encoder", "decoder"], "losses": ["fit"], "ema": 0.9},
    "encoder": {"trains": ["encoder"], "losses": ["fit"], "ema": 0.5},
}


def tiny() -> zoo.Model:
    """A VAE of a few hundred weights."""
    return zoo.build("vae-mlp", image_shape=SHAPE, latent_dim=4, **{"encoder.hidden": [6], "decoder.hidden": [5]})


def train(out: Path, model: zoo.Model | None = None, **training: Any) -> zoo.Run:
    """Three epochs, logged every second round."""
    given = {"epochs": 3, "batch_size": 12, "pictures_every": 0, "log_every": 2, **training}
    return zoo.train(model or tiny(), DATA, out=out, progress=False, device="cpu", **given)


def at(hook: str, act: Callable[[Training], None]) -> Callback:
    """A callback that does ``act`` at a moment."""
    callback = Callback()
    setattr(callback, hook, lambda training, *rest: act(training))
    return callback


def stopping(rank: int, hook: str, out: Path) -> zoo.Run:
    """It says stop at a moment."""
    return train(out, callbacks=[at(hook, lambda training: training.stop("enough"))] if rank == RANK else [])


def failing(rank: int, hook: str, out: Path) -> zoo.Run:
    """Its callback fails at a moment."""

    def fail(training: Training) -> None:
        raise ZeroDivisionError("divided")

    return train(out, callbacks=[at(hook, fail)] if rank == RANK else [])


def interrupted(rank: int, out: Path) -> zoo.Run:
    """It gets Ctrl-C."""

    def press(training: Training) -> None:
        if training.round == 3:
            os.kill(os.getpid(), signal.SIGINT)

    return train(out, callbacks=[at("on_round", press)] if rank == RANK else [])


def stuck(rank: int, out: Path) -> zoo.Run:
    """Its validation gets worse, the other's better."""
    values = iter([1.0, 2.0, 3.0] if rank == RANK else [3.0, 2.0, 1.0])
    with patch("zoo_core.training.trainer.validate", lambda *args, **named: {"loss": next(values)}):
        return train(out, patience=1)


def not_a_number(rank: int, out: Path) -> zoo.Run:
    """A term is NaN there, with a gradient that is none of it."""
    model = tiny()
    terms = model.objectives["elbo"].terms

    def spoilt(loss: str, step: Any) -> Any:
        for term in terms(loss, step):
            yield Term(term.name, term.value + (math.nan if rank == RANK and step.progress >= 0.25 else 0.0))

    model.objectives["elbo"].terms = spoilt
    return train(out, model)


def refused(rank: int, out: Path) -> zoo.Run:
    """The folder is held by somebody else. (Only the first process asks for it.)"""
    with ExitStack() as held:
        if RANK == 0:
            held.enter_context(locked(out))
        return train(out)


def shared(rank: int, out: Path) -> zoo.Run:
    """Nothing goes wrong: two players train one part, and both average it."""
    return train(out, players=SHARED, turns=[{"losses": ["fit"], "players": list(SHARED)}])


CASES: Mapping[str, Callable[[Path], zoo.Run]] = {
    **{f"stopping {hook} {rank}": lambda out, h=hook, r=rank: stopping(r, h, out) for hook in HOOKS for rank in (0, 1)},
    **{f"failing {hook} {rank}": lambda out, h=hook, r=rank: failing(r, h, out) for hook in HOOKS for rank in (0, 1)},
    **{
        f"{case.__name__} {rank}": lambda out, c=case, r=rank: c(r, out)
        for case in (interrupted, stuck, not_a_number)
        for rank in (0, 1)
    },
    "refused 0": lambda out: refused(0, out),
    "shared 0": lambda out: shared(0, out),
}


def came_of(case: Callable[[Path], zoo.Run], out: Path) -> list[Any]:
    try:
        run = case(out)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return ["", run.reason, run.rounds]


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    results = {name: came_of(case, folder / name) for name, case in CASES.items()}
    (folder / f"rank{RANK}.json").write_text(json.dumps(results))
