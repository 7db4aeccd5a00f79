"""Checks of determinism: what a result depends on, and what a forward leaves behind."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor

from zoo_core.interfaces.part_noise import drawing, part_noises
from zoo_core.noise import GeneratorNoise
from zoo_core.registry.parameter import parameters
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject, difference, each, outputs

TOLERANCE = 1e-4
"""Relative: convolutions add up in another order for another batch size."""


@contextmanager
def global_generators_untouched(what: str) -> Iterator[None]:
    """What happens inside draws nothing from the global generators of torch, NumPy and Python.

    Raises:
        CheckFailed: it does.
    """
    before = _global_state()
    yield
    after = _global_state()
    for name, was in before.items():
        if after[name] != was:
            raise CheckFailed(
                f"{what} to leave the global generator of {name} alone",
                found="it moved",
                do="draw from the Noise or the Generator that is handed in",
            )


def _global_state() -> dict[str, object]:
    numpy_state = np.random.get_state(legacy=True)
    return {
        "torch": torch.default_generator.get_state().numpy().tobytes(),
        "NumPy": (numpy_state[1].tobytes(), numpy_state[2]),  # type: ignore[index, union-attr]
        "Python": random.getstate(),
    }


def check_same_seed_same_weights(subject: Subject) -> None:
    """Built twice from one seed the weights are the same, whatever the generators of NumPy and Python say."""
    states = []
    for other in (1, 2):
        random.seed(other)
        np.random.seed(other)
        states.append(subject.fresh(seed=5).state_dict())
    first, second = states
    for name, tensor in first.items():
        if name not in second or not torch.equal(tensor, second[name]):
            raise CheckFailed(
                "the same weights from the same seed",
                found=f"{name} differs",
                do="draw first weights with torch's global generator, which build seeds",
            )


def check_seed_decides_weights(subject: Subject) -> None:
    """Built from another seed at least one trained weight is another one, where any is drawn at random at all."""
    defaults = {name: p.default for name, p in parameters(subject.component).items()}
    if {**defaults, **subject.settings}.get("weights") is not None:
        return  # published weights are what they are
    first, second = subject.fresh(seed=5), subject.fresh(seed=6)
    drawn = any(p.detach().flatten().unique().numel() > 1 for p in first.parameters())
    if drawn and all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)):
        raise CheckFailed("other weights from another seed", found="the same", do="do not seed a generator in __init__")


def check_same_result_twice(subject: Subject) -> None:
    """In eval mode the same input gives the same output twice, and nothing is drawn from a global generator."""
    part = subject.part()
    inputs = subject.inputs(part, 4)
    with torch.no_grad(), global_generators_untouched("a forward in eval mode"):
        first, second = outputs(part, inputs), outputs(part, inputs)
    if difference(first, second) > 0:
        raise CheckFailed(
            "the same output twice in eval mode",
            found=f"a relative difference of {difference(first, second):.2g}",
            do="dropout and noise belong to train mode only: use nn.Dropout, or test self.training",
        )


def check_own_noise_comes_from_outside(subject: Subject) -> None:
    """What it draws in its own forward (``PartNoise``) comes from the noise that it is given: the same again gives the same, another seed
    another output, and no global generator is asked."""
    part = subject.part()
    noises, inputs = part_noises({"part": part}), subject.inputs(part, 4)
    if not noises:
        return

    def drawn(seed: int) -> tuple[Tensor, ...]:
        with torch.no_grad(), drawing(noises, GeneratorNoise(torch.Generator().manual_seed(seed)), "x"):
            return outputs(part, inputs)

    with global_generators_untouched("a forward in eval mode"):
        first, again, other = drawn(0), drawn(0), drawn(1)
    if difference(first, again) > 0:
        raise CheckFailed("the same output from the same draws", found="another", do="draw with PartNoise alone")
    if difference(first, other) == 0:
        raise CheckFailed(
            "another output from other draws", found="the same", do="use what PartNoise draws, or leave it out"
        )


def _row(i: int, values: Tensor) -> Tensor:
    return values[i : i + 1]


def check_same_row_alone(subject: Subject) -> None:
    """In eval mode row i of f(x) equals f(x[i:i+1]): rows do not depend on one another."""
    part = subject.settled()
    inputs = subject.inputs(part, 5)
    with torch.no_grad():
        together = outputs(part, inputs)
        for i in (0, 3):
            alone = outputs(part, each(inputs, partial(_row, i)))
            worst = difference(alone, tuple(t[i : i + 1] for t in together))
            if worst > TOLERANCE:
                raise CheckFailed(
                    f"row {i} of a batch to be what it is alone, in eval mode",
                    found=f"a relative difference of {worst:.2g}",
                    do="normalise by running statistics in eval mode, and never mix rows",
                )


def check_input_unchanged(subject: Subject) -> None:
    """A forward, in train and eval mode, leaves its inputs as they were."""
    for training in (False, True):
        part = subject.part().train(training)
        inputs = subject.inputs(part, 4)
        before = each(inputs, Tensor.clone)
        with torch.no_grad():
            outputs(part, inputs)
        if not all(a is None or b is None or torch.equal(a, b) for a, b in zip(inputs, before)):
            raise CheckFailed(
                "the input as it was after forward",
                found="it was changed in place",
                do="no operation in place (add_, inplace=True) on what forward is given",
            )


def _otherwise_in_memory(values: Tensor) -> Tensor:
    if values.ndim == 4:
        return values.contiguous(memory_format=torch.channels_last)
    return values.repeat_interleave(2, dim=1)[:, ::2] if values.ndim == 2 else values


def check_any_memory_layout(subject: Subject) -> None:
    """Inputs that lie in memory otherwise (channels last, a stride) give the same result."""
    # The shape with more channels: channels last is another layout only where there are several.
    shape = subject.image_shapes[1]
    part = subject.part(shape)
    inputs = subject.inputs(part, 4, shape)
    others = each(inputs, _otherwise_in_memory)
    with torch.no_grad():
        worst = difference(outputs(part, others), outputs(part, inputs))
    if worst > TOLERANCE:
        raise CheckFailed(
            "the same result for a channels-last input",
            found=f"a relative difference of {worst:.2g}",
            do="use reshape or flatten, and no strides",
        )


def check_eval_changes_nothing(subject: Subject) -> None:
    """A forward in eval mode leaves the state as it was: running statistics move in train mode only."""
    part = subject.part()
    before = {name: t.clone() for name, t in part.state_dict().items()}
    with torch.no_grad():
        outputs(part, subject.inputs(part, 6))
    changed = [name for name, t in part.state_dict().items() if not torch.equal(t, before[name])]
    if changed:
        raise CheckFailed(
            "the state untouched by a forward in eval mode",
            found=f"{changed[0]} changed",
            do="update buffers only where self.training",
        )


def check_train_mode_as_tagged(subject: Subject) -> None:
    """In train mode draws are made only with the tag or capability ``stochastic``, and rows depend on one another only with the tag
    ``batch_statistics``."""
    part = subject.part().train()
    stochastic = subject.tags.stochastic or "stochastic" in part.capabilities
    inputs = subject.inputs(part, 6)
    with torch.no_grad():
        if not stochastic:
            before = torch.default_generator.get_state()
            first, second = outputs(part, inputs), outputs(subject.part().train(), inputs)
            drawn = not torch.equal(before, torch.default_generator.get_state())
            if drawn or difference(first, second) > TOLERANCE:
                raise CheckFailed(
                    "a forward in train mode without random draws, as neither its tags nor its capabilities say stochastic",
                    found="random draws",
                    do="tags = Tags(stochastic=True), if this is meant",
                )
        if not subject.tags.batch_statistics and not stochastic:
            together = outputs(subject.part().train(), inputs)
            others = outputs(subject.part().train(), each(inputs, lambda t: torch.cat([t[:2], t[4:]])))
            if difference(tuple(t[:2] for t in others), tuple(t[:2] for t in together)) > TOLERANCE:
                raise CheckFailed(
                    "rows that do not depend on one another, as there is no tag batch_statistics",
                    found="a row changes with its neighbours in train mode",
                    do="tags = Tags(batch_statistics=True), if this is meant",
                )


def check_nothing_is_hidden(subject: Subject) -> None:
    """All that forwards in train mode change stands in the state: a part with the same state gives the same result."""
    part = subject.part().train()
    for start in (0, 20, 40):
        given = outputs(part, subject.inputs(part, 6, start=start))
        if any(t.requires_grad for t in given):
            sum(t.float().sum() for t in given if t.requires_grad).backward()  # type: ignore[union-attr]
    copied = subject.fresh(seed=1)
    copied.load_state_dict(part.state_dict())
    part.eval()
    copied.eval()
    inputs = subject.inputs(part, 4)
    with torch.no_grad():
        worst = difference(outputs(copied, inputs), outputs(part, inputs))
    if worst > TOLERANCE:
        raise CheckFailed(
            "a part with the same state_dict to give the same result",
            found=f"a relative difference of {worst:.2g} after three forwards in train mode",
            do="what changes in training is a Parameter or a buffer (register_buffer), never a plain attribute",
        )
