"""The trial of an accepted combination: two training steps, samples, a save, a load, a comparison."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.data import ArrayDataset
from zoo_core.game import Step
from zoo_core.interfaces import Batch, Objective
from zoo_core.noise import KeyedNoise

COUNT = 4


def faults(model: zoo.Model, samplers: Sequence[str], digits: ArrayDataset, folder: Path) -> list[str]:
    """What is wrong with ``model``: nothing, where the combination works wholly.

    Arguments:
        samplers: it is sampled with each; they have no part in the training.
        digits: at least twice ``COUNT`` labelled images.
        folder: where it is saved.
    """
    return [*_trained(model, digits), *_sampled_and_saved(model, samplers, digits, folder)]


def _trained(model: zoo.Model, digits: ArrayDataset) -> list[str]:
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    # More epochs than two rounds take: a Wasserstein critic plays five batches in each.
    with contextlib.closing(zoo.rounds(model, digits, batch_size=COUNT, epochs=10, device="cpu")) as rounds:
        played = list(itertools.islice(rounds, 2))
    wrong = [f"{name} is not finite" for one in played for name, value in one.terms.items() if not value.isfinite()]
    seen = {name.split(".")[0] for name in played[-1].terms}
    wrong += [f"objective {name} gave no term" for name in model.objectives if name not in seen]
    moved = {
        ".".join(name.split(".")[:2])
        for name, weight in model.named_parameters()
        if not torch.equal(weight, before[name])
    }
    for player, rules in model.config["training"]["players"].items():
        used = _used(model, rules["losses"])
        for part in used & set(rules["trains"]):
            where = f"parts.{part}" if part in model.parts else f"objectives.{part}"
            if where not in moved and any(name.startswith(where + ".") for name in before):
                wrong.append(f"player {player} did not move {part}")
    wrong += [f"frozen {part} moved" for part in model.frozen if f"parts.{part}" in moved]
    return wrong + _without_gradient(model, played[-1].step.batch)


def _used(model: zoo.Model, losses: Sequence[str]) -> set[str]:
    """The objectives of these losses and the parts that they ask for: head-distance alone, say, moves no encoder."""
    used: set[str] = set()
    for name, objective in model.objectives.items():
        assert isinstance(objective, Objective)
        if set(objective.losses) & set(losses):
            used |= {name, *objective.needs}
    return used


def _without_gradient(model: zoo.Model, batch: Batch) -> list[str]:
    """Objectives none of whose terms depends on a weight that some player trains."""
    modules: dict[str, Any] = {**model.parts, **model.objectives}
    step = Step(modules, batch, KeyedNoise(0, 0))
    wrong = []
    for name, objective in model.objectives.items():
        assert isinstance(objective, Objective)
        terms = [term for loss in objective.losses for term in objective.terms(loss, step)]
        if not any(term.value.requires_grad for term in terms):
            wrong.append(f"objective {name} trains nothing")
    return wrong


def _sampled_and_saved(model: zoo.Model, samplers: Sequence[str], digits: ArrayDataset, folder: Path) -> list[str]:
    images = digits.split("train").x[:COUNT] / 255
    model.save(folder)
    loaded = zoo.load(folder)
    wrong = [] if loaded.config == model.config else ["the loaded config is another"]
    weights, unpublished = loaded.state_dict(), _unpublished(model)
    wrong += [
        f"{name} is loaded as something else"
        for name, weight in model.state_dict().items()
        if not name.startswith(unpublished) and not torch.equal(weights[name], weight)
    ]
    for sampler in samplers:
        conditions: dict[str, Tensor] = {"x": images} if model.sampler(sampler).starts_from_images(model) else {}
        pictures = model.sample(COUNT, sampler, seed=3, **conditions)
        if tuple(pictures.shape) != (COUNT, *model.image_shape):
            wrong.append(f"sampler {sampler} gave pictures of shape {tuple(pictures.shape)}")
        if not (pictures.isfinite() & (pictures >= 0) & (pictures <= 1)).all():
            wrong.append(f"sampler {sampler} left [0, 1]")
        if not torch.equal(loaded.sample(COUNT, sampler, seed=3, **conditions), pictures):
            wrong.append(f"sampler {sampler} gives something else with the loaded model")
    return wrong


def _unpublished(model: zoo.Model) -> tuple[str, ...]:
    """How the names of the weights begin that are for the training alone and in no published model."""
    return tuple(
        f"objectives.{name}.{own}."
        for name, objective in model.objectives.items()
        if isinstance(objective, Objective)
        for own in objective.training_only
    )
