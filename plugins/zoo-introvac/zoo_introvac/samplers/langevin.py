"""Langevin: pictures with given attributes from a model that knows none in its decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from zoo_core.data import told_apart
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Head, Labels, Need, Prior, Sampler, Samples
from zoo_core.noise import GeneratorNoise, Noise
from zoo_introvac.chains import langevin, mala
from zoo_introvac.energy import Energy, EnergyName

if TYPE_CHECKING:
    from zoo_core.model import Model

METHODS = {"langevin": langevin, "mala": mala}


class Langevin(Sampler):
    """Codes from p(z given y) ∝ p(y given z) p(z), by Langevin chains that start from the prior, decoded (Maggipinto, Terzi and Susto 2020,
    section 4.3). p(y given z) is what the part ``head`` says; for every model with a head, a prior with a density and a decoder.

    Chains whose codes the head does not take for what was asked are run anew, and the notes say how many were accepted.

    Arguments:
        steps: how many.
        step_size: α (Eq. 8). The default of 0.01 and 500 steps is within 1 % of mean and variance where they can be computed; the paper's
            0.0002 and 5,000 steps end before the chains have got there.
        method: ``langevin``, every step is taken; ``mala``, a Metropolis test at each, exact for every ``step_size``: 0.05 and 200 steps.
        energy: ``exact``, −log p(y given z) p(z); ``averaged``, the authors' means over attributes and dimensions, under which the prior
            hardly counts.
        reject: ``predicted``, codes that the head takes for something else are drawn again; ``none``, they stay, as a draw of p(z given y)
            has them.
        attempts: how often at most chains are run for what is missing. What is then still missing is filled up with rejected ones, and
            the notes say so.
    """

    needs: ClassVar[Mapping[str, Need]] = {
        "decoder": Need("decoder"),
        "prior": Need("prior", frozenset({"prior.log_prob"})),
        "head": Need("head"),
    }
    conditions: ClassVar[frozenset[str]] = frozenset({"y"})

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"steps": 20},
            {"steps": 10, "step_size": 0.05, "method": "mala", "reject": "none"},
            {"steps": 10, "step_size": 2e-4, "energy": "averaged", "labels": "attributes"},
        ]

    def __init__(
        self,
        *,
        steps: Annotated[int, Ge(1), Le(10_000_000)] = 500,
        step_size: Annotated[float, Gt(0), Le(1)] = 0.01,
        method: Literal["langevin", "mala"] = "langevin",
        energy: EnergyName = "exact",
        reject: Literal["predicted", "none"] = "predicted",
        attempts: Annotated[int, Ge(1), Le(10_000)] = 10,
    ) -> None:
        self.steps, self.step_size, self.energy = steps, step_size, energy
        self.method = METHODS[method]
        self.reject, self.attempts = reject, attempts

    def classes(self, model: Model) -> int:
        return told_apart(cast(Head, model.parts["head"]), model.labels).count and model.labels.count

    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        """``n`` pictures.

        Arguments:
            conditions: ``y``, classes (n,) or attributes (n, A), −1 left open. Without, each class in turn, or each attribute in turn with
                the others left open.

        Raises:
            IncompatibleError: a head that tells no label.
        """
        head, prior = cast(Head, model.parts["head"]), cast(Prior, model.parts["prior"])
        told, y = told_apart(head, model.labels), conditions.get("y")
        if not told.count:
            raise IncompatibleError(
                "the head tells no attribute and no class", hint="choose a model of data with labels"
            )
        asked = _each_in_turn(told, n, model.device) if y is None else _told_columns(y, told, model.labels)
        energy = Energy(head, prior, told, asked, self.energy)
        noise = GeneratorNoise(generator, device=model.device, dtype=model.dtype)
        z, notes = self._codes(energy, n, noise)
        given = (
            (asked if y is None and told == model.labels else y) if "labels" in model.capabilities("decoder") else None
        )
        return Samples(
            x=model.decode(z, given).clamp(0, 1), z=z, columns=told.count if y is None else None, notes=notes
        )

    def _codes(self, energy: Energy, n: int, noise: Noise) -> tuple[Tensor, dict[str, float | str]]:
        """The codes (n, D), and what is worth knowing."""
        missing = torch.arange(n, device=energy.y.device)
        codes: Tensor | None = None
        run, steps_taken = 0, 0.0
        for _ in range(self.attempts):
            part = energy.rows(missing)
            start = energy.prior.sample(len(missing), noise)
            walked = self.method(part, start, noise, steps=self.steps, size=self.step_size)
            run, steps_taken = run + len(missing), steps_taken + walked.accepted * len(missing)
            codes = walked.z if codes is None else codes.index_copy(0, missing, walked.z)
            if self.reject == "none":
                break
            missing = missing[~part.carried(walked.z)]
            if not len(missing):
                break
        assert codes is not None
        notes: dict[str, float | str] = {}
        if self.reject == "predicted":
            notes["accepted"] = f"{(n - len(missing)) / run:.1%} of {run} chains"
            if len(missing):
                notes["not accepted"] = f"{len(missing)} of the pictures, after {self.attempts} attempts"
        if self.method is mala:
            notes["steps taken"] = f"{steps_taken / run:.1%}"
        return codes, notes


def _each_in_turn(told: Labels, n: int, device: torch.device) -> Tensor:
    """A class each, (n,), or one attribute each and the others open, (n, K)."""
    turn = torch.arange(n, device=device) % told.count
    if told.type == "classes":
        return turn
    return torch.where(torch.arange(told.count, device=device) == turn[:, None], 1, -1)


def _told_columns(y: Tensor, told: Labels, labels: Labels) -> Tensor:
    """``y``, in the model's order, in that of the head's logits."""
    if told == labels or told.type == "classes":
        return y
    return y[:, [labels.names.index(name) for name in told.names]]
