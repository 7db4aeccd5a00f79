"""Validation: the losses on examples that are not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch

from zoo_core.data import Source, evaluation_batches
from zoo_core.game import Step
from zoo_core.interfaces import Batch, Objective, Part
from zoo_core.model import Model
from zoo_core.noise import KeyedNoise, Noise

LOSSES = ("fit", "supervise")
"""Losses whose value says how well a model does; adversarial ones say how well the players are matched."""


FINAL = "final_loss"
"""Name of the loss with annealed terms as they are at the training's end."""


def validate(model: Model, source: Source, *, batch_size: int, seed: int, progress: float = 1.0) -> dict[str, float]:
    """Means of the terms of ``fit`` and ``supervise`` over all of ``source``, in eval mode, and of their sum as ``loss``.

    The draws are the same at every validation, so that two values differ by the weights alone. Empty for a model
    without such losses.

    Arguments:
        progress: how much of the training lies behind, for annealed terms. Where these are not yet as at the end, ``final_loss`` is
            the loss as it will be: losses of two epochs are of different functions, and only the final ones can be compared.
    """
    objectives = {name: cast(Objective, objective) for name, objective in model.objectives.items()}
    if not any(loss in LOSSES for objective in objectives.values() for loss in objective.losses):
        return {}
    now = _Means(model, objectives, progress)
    final = _Means(model, objectives, 1.0)
    annealed = progress < 1.0
    with model.evaluating():
        for index, batch in enumerate(evaluation_batches(source, batch_size, model.dtype)):
            noise = KeyedNoise(seed, index, device=batch.x.device, dtype=model.dtype)
            now.add(batch, noise)
            if annealed:
                final.add(batch, noise)
            if index == 0:
                # One batch tells whether anything is annealed: the weights, the batch and the draws are the same.
                annealed = annealed and not now.same_as(final)
    means = now.read()
    figures = {"loss": sum(means.values()), **means}
    return {**figures, FINAL: sum(final.read().values())} if annealed else figures


def compared(figures: Mapping[str, float]) -> float:
    """The one of :func:`validate`'s figures that two epochs are compared by."""
    return figures.get(FINAL, figures["loss"])


class _Means:
    """Means of terms over batches.

    Arguments:
        model: at rest.
        objectives: whose terms.
        progress: how much of the training lies behind.
    """

    def __init__(self, model: Model, objectives: Mapping[str, Objective], progress: float) -> None:
        self._modules: dict[str, Part] = {
            **{name: cast(Part, part) for name, part in model.parts.items()},
            **objectives,
        }
        self._asked = [(name, o, loss) for name, o in objectives.items() for loss in o.losses if loss in LOSSES]
        self._progress = progress
        self._sums: dict[str, torch.Tensor] = {}
        self._count = 0

    def add(self, batch: Batch, noise: Noise) -> None:
        """The terms of one batch on top."""
        step = Step(self._modules, batch, noise, progress=self._progress)
        for name, objective, loss in self._asked:
            with step.drawing(f"{name}.{loss}"):
                for term in objective.terms(loss, step):
                    key = f"{name}.{term.name}"
                    self._sums[key] = self._sums.get(key, torch.zeros((), device=batch.x.device)) + term.value * len(
                        batch
                    )
        self._count += len(batch)

    def same_as(self, other: _Means) -> bool:
        """Whether the other has seen the very same values."""
        pairs = [(value, other._sums.get(key)) for key, value in self._sums.items()]
        return len(pairs) == len(other._sums) and all(
            theirs is not None and torch.allclose(own, theirs, rtol=0, atol=0, equal_nan=True) for own, theirs in pairs
        )

    def read(self) -> dict[str, float]:
        """The means by term; waits for the device."""
        return {key: float(total) / self._count for key, total in self._sums.items()}
