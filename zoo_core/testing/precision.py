"""Checks of numbers' width and range: float64, bfloat16, and inputs at their limits."""

from __future__ import annotations

import torch

from zoo_core.interfaces import Decoder, Head
from zoo_core.testing.gradients import SEEDS
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject, difference, each, outputs

FLOAT64_TOLERANCE = 1e-3
BFLOAT16_TOLERANCE = 0.05


def check_float64(subject: Subject) -> None:
    """In float32 and in float64 it computes in that type throughout, and the same up to rounding."""
    part = subject.settled()
    inputs = subject.inputs(part, 4)
    with torch.no_grad():
        narrow = outputs(part, inputs)
        wide = outputs(part.double(), each(inputs, lambda t: t.double() if t.is_floating_point() else t))
    for given, dtype in ((narrow, torch.float32), (wide, torch.float64)):
        for t in given:
            if t.dtype != dtype:
                raise CheckFailed(
                    f"{dtype} outputs of a {dtype} part",
                    found=str(t.dtype),
                    do="no .float() and no torch.zeros without dtype",
                )
    worst = difference(narrow, wide)
    if worst > FLOAT64_TOLERANCE:
        raise CheckFailed("the result of float32 in float64", found=f"a relative difference of {worst:.2g}")


def check_bfloat16(subject: Subject) -> None:
    """Under bfloat16 autocast the output is within 5 % of float32's, in one of three seeds."""
    errors = []
    for seed in SEEDS:
        part = subject.settled(seed=seed)
        inputs = subject.inputs(part, 4)
        with torch.no_grad():
            exact = outputs(part, inputs)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                rough = outputs(part, inputs)
        each = [float((a.float() - b).norm() / b.norm().clamp(min=1e-6)) for a, b in zip(rough, exact, strict=True)]
        errors.append(max(each))
        if errors[-1] <= BFLOAT16_TOLERANCE:
            return
    raise CheckFailed(
        "bfloat16 within 5 % of float32",
        found=f"a relative error of {min(errors):.1%}",
        do="keep sums over many values, exponentials and small differences in float32",
    )


def check_finite_at_the_limits(subject: Subject) -> None:
    """Black, white and noisy pictures, windows of one token, and codes far out, give finite outputs in train and eval mode."""
    for training in (False, True):
        part = subject.part().train(training)
        inputs = subject.inputs(part, 4)
        first = inputs[0]
        extremes = [torch.zeros_like(first), torch.ones_like(first), torch.rand_like(first.float()).to(first.dtype)]
        if subject.modality == "tokens":
            extremes = [torch.full_like(first, number) for number in (0, len(subject.vocabulary) - 1)]
        if isinstance(part, Decoder | Head):
            extremes = [torch.zeros_like(first), 10 * torch.randn_like(first)]
        for one in extremes:
            with torch.no_grad():
                given = outputs(part, (one, *inputs[1:]))
            if not all(torch.isfinite(t).all() for t in given):
                raise CheckFailed(
                    f"finite outputs in {'train' if training else 'eval'} mode",
                    found="NaN or infinity",
                    do="guard logarithms, divisions, roots and exponentials",
                )
