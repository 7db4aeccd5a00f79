"""Validation: the losses on examples that are not trained on."""

from __future__ import annotations

from typing import cast

import torch

from zoo_core.data import Source, evaluation_batches
from zoo_core.game import Step
from zoo_core.interfaces import Objective, Part
from zoo_core.model import Model
from zoo_core.noise import KeyedNoise

LOSSES = ("fit", "supervise")
"""Losses whose value says how well a model does; adversarial ones say how well the players are matched."""


def validate(model: Model, source: Source, *, batch_size: int, seed: int) -> dict[str, float]:
    """Means of the terms of ``fit`` and ``supervise`` over all of ``source``, in eval mode, and of their sum as ``loss``.

    The draws are the same at every validation, so that two values differ by the weights alone. Empty for a model
    without such losses.
    """
    objectives = {name: cast(Objective, objective) for name, objective in model.objectives.items()}
    asked = [
        (name, objective, loss) for name, objective in objectives.items() for loss in objective.losses if loss in LOSSES
    ]
    if not asked:
        return {}
    modules: dict[str, Part] = {**{name: cast(Part, part) for name, part in model.parts.items()}, **objectives}
    sums: dict[str, torch.Tensor] = {}
    count = 0
    with model.at_rest():
        for index, batch in enumerate(evaluation_batches(source, batch_size, model.dtype)):
            noise = KeyedNoise(seed, index, device=batch.x.device, dtype=batch.x.dtype)
            step = Step(modules, batch, noise)
            for name, objective, loss in asked:
                for term in objective.terms(loss, step):
                    key = f"{name}.{term.name}"
                    sums[key] = sums.get(key, torch.zeros((), device=batch.x.device)) + term.value * len(batch)
            count += len(batch)
    means = {key: float(total) / count for key, total in sums.items()}
    return {"loss": sum(means.values()), **means}
