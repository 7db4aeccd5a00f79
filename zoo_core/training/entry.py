"""train and resume: from a model and data to a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from zoo_core.data.references import qualified
from zoo_core.errors import RunError, shown
from zoo_core.game.settings import training_settings
from zoo_core.interfaces.callback import Callback
from zoo_core.model import Model
from zoo_core.noise import derive_seed
from zoo_core.registry.hooks import training_callbacks
from zoo_core.saving import load
from zoo_core.storage.files import expanded
from zoo_core.training.run import Run, read_run
from zoo_core.training.session import Session
from zoo_core.training.trainer import Training


def train(
    model: Model,
    data: Any,
    *,
    out: str | Path | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    data_root: str | None = None,
    data_settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    **training: Any,
) -> Run:
    """Train ``model`` on ``data``.

    The run folder gets the model (``config.json``, ``model.safetensors``), the best one by validation (``best/``), a
    checkpoint, ``metrics.jsonl``, ``pictures/`` and ``tensorboard/``. Ctrl-C writes a checkpoint and returns.

    Arguments:
        model: from ``zoo_core.build``; its weights are trained in place.
        data: a data set's name (``"digits"``, ``"folder:PATH"``), a Dataset, or a tensor of images.
        out: the run folder; None keeps nothing.
        epochs, batch_size, training: over the recipe's training settings (see :class:`TrainingSettings`).
        seed: of the order of the data and of all draws: same seed, same weights.
        device: None is the first accelerator, else the CPU.
        data_root: where data sets lie; None is $ZOO_DATA.
        data_settings: parameters of the data set.
        resume: go on from the checkpoint in ``out``, if there is one.
        callbacks: told of what happens; those that plugins have for it, after them.
        progress: show a bar.

    Raises:
        PluginFailed: a plugin's hook ``training_callbacks`` failed; nothing was written.
        RunError: ``out`` holds another run, or cannot be written.
        NonFinite: a term became NaN or infinite; the last good checkpoint stays.
    """
    settings = training_settings(model.config["training"], epochs=epochs, batch_size=batch_size, **training)
    folder = expanded(out) if out is not None else None
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, "training"))
        where: dict[str, Any] = {"data_root": data_root, "data_settings": dict(data_settings or {})}
        session = Session(model, data, settings, seed=seed, device=device, **where)
        about = {"data": qualified(data) if isinstance(data, str) else None, **where}
        started = Training(session, folder, callbacks, show=progress and session.processes.main)
        started.listen(training_callbacks(started))
        return started.run(resume=resume, about=about)


def resume(
    folder: str | Path,
    *,
    epochs: int | None = None,
    device: str | torch.device | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
) -> Run:
    """Go on with the run in ``folder``, with the settings that it was started with.

    Arguments:
        epochs: train up to so many in all; None keeps the run's.

    Raises:
        RunError: there is no run, or its data were given as tensors.
    """
    folder = expanded(folder)
    about = read_run(folder)
    if about["data"] is None:
        raise RunError(
            f"the run in {shown(folder)} was trained on data given in Python, which it does not hold",
            hint="resume it with zoo.train(model, data, out=…, resume=True)",
        )
    return train(
        load(folder),
        about["data"],
        out=folder,
        seed=about["seed"],
        device=device,
        data_root=about["data_root"],
        data_settings=about["data_settings"],
        resume=True,
        callbacks=callbacks,
        progress=progress,
        **(about["training"] if epochs is None else {**about["training"], "epochs": epochs}),
    )
