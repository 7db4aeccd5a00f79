"""Classifiers under attack: what an attack raises, white box, averaged over the net's noise, or another net's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zoo_core.building import build_part
from zoo_core.data import refuse_unlike
from zoo_core.errors import DataError, IncompatibleError, SettingError, shown
from zoo_core.interfaces import Attack, Batch, PartNoise
from zoo_core.noise import Noise

if TYPE_CHECKING:
    from zoo_core.model import Model

Logits = Callable[[Tensor], Tensor]
"""Images (N, C, H, W) to logits (N, K)."""

STEPS = 40
"""Of ``pgd`` where the attack's name says none."""
REACH = 2.5
"""How far the steps of ``pgd`` go together, in radii of the ball (Madry et al. 2018, section 5)."""


class NamedAttack(NamedTuple):
    """An attack as it is typed: ``fgsm:0.3``, ``pgd:0.1`` or ``pgd:0.1:100`` with its steps."""

    kind: str
    epsilon: float
    steps: int

    def made(self, *, epsilon: float | None = None, steps: int | None = None) -> Attack:
        """The attack, with another radius or number of steps where these are given."""
        radius, count = epsilon or self.epsilon, steps or self.steps
        spec = {"name": f"zoo-basics:{self.kind}", "epsilon": radius}
        if self.kind == "pgd":
            spec |= {"steps": count, "step_size": REACH * radius / count}
        return cast(Attack, build_part("attack", spec, image_shape=(1, 1, 1)))


def named_attack(text: str, where: str) -> NamedAttack:
    """What ``text`` names.

    Raises:
        SettingError: it is not ``fgsm:EPSILON``, ``pgd:EPSILON`` or ``pgd:EPSILON:STEPS``.
    """
    kind, *numbers = text.split(":")
    try:
        epsilon, steps = float(numbers[0]), int(numbers[1]) if numbers[1:] else STEPS
        good = kind in ("fgsm", "pgd") and len(numbers) <= (1 if kind == "fgsm" else 2)
        good = good and 0 < epsilon <= 1 and 1 <= steps <= 100_000
    except (ValueError, IndexError):
        good = False
    if not good:
        raise SettingError(
            f"{where}: {shown(text)!r} is no attack", hint="write fgsm:0.3, pgd:0.1 or, with 100 steps, pgd:0.1:100"
        )
    return NamedAttack(kind, epsilon, steps if kind == "pgd" else 1)


def is_noisy(module: nn.Module) -> bool:
    """Whether it draws in its forwards at test time."""
    return any(isinstance(inner, PartNoise) for inner in module.modules())


def loss_of(logits: Logits, y: Tensor, draws: int = 1) -> Callable[[Tensor], Tensor]:
    """What an attack raises: −log softmax(logits)_y of each image, (N,), a mean over ``draws`` of the net's noise (expectation over
    transformation, Athalye et al. 2018: its gradient is the mean of theirs)."""

    def loss(x: Tensor) -> Tensor:
        seen = logits(x.repeat_interleave(draws, 0))
        return cross_entropy(seen, y.repeat_interleave(draws), reduction="none").view(-1, draws).mean(1)

    return loss


def labelled_examples(model: Model, batches: Iterable[Batch], count: int, who: str) -> Iterator[tuple[Tensor, Tensor]]:
    """The first ``count`` examples whose class is known, batch by batch: images x (N, C, H, W) and classes y (N,).

    Arguments:
        who: the metric or plot, for messages.

    Raises:
        IncompatibleError: the data have no classes.
        DataError: they have others than the model, or none of them is known.
    """
    left = count
    for batch in batches:
        refuse_unlike(batch, model.labels)
        if batch.y is None:
            raise IncompatibleError(f"{who} needs data with classes to attack", hint="choose data with classes")
        known = (batch.y >= 0).nonzero()[:left, 0]
        if len(known):
            left -= len(known)
            yield batch.x[known], batch.y[known]
        if not left:
            return
    if left == count:
        raise DataError("there are no labelled examples to attack", hint="choose another split or other data")


def attacked_images(attack: Attack, logits: Logits, x: Tensor, y: Tensor, noise: Noise, draws: int = 1) -> Tensor:
    """x, moved so that the net whose ``logits`` these are is wrong."""
    return attack.perturb(loss_of(logits, y, draws), x, noise)


def right(logits: Logits, x: Tensor, y: Tensor) -> Tensor:
    """1 for each example that the net gets right, else 0: (N,), float64 on the CPU."""
    with torch.no_grad():
        return (logits(x).argmax(1) == y).cpu().double()


def half_width(values: Tensor) -> float:
    """Half of the 95 % interval of the mean of ``values`` (N,): of differences of the same examples, a paired one."""
    return 1.96 * float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else math.inf
