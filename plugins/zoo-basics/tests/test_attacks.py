"""Attacks against closed forms and finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from zoo_basics.attacks.ball import drawn, within
from zoo_basics.attacks.fgsm import FGSM
from zoo_basics.attacks.pgd import PGD

from zoo_core.interfaces import BallNorm, ascent
from zoo_core.noise import KeyedNoise

NOISE = KeyedNoise(0, 0, dtype=torch.float64)
SHAPE = (5, 3, 4, 4)


def _linear() -> tuple[Tensor, Tensor]:
    """Images away from 0 and 1, and the slopes of a linear loss."""
    return 0.4 + 0.2 * torch.rand(SHAPE, dtype=torch.float64), torch.randn(SHAPE, dtype=torch.float64)


def test_ascent_is_the_finite_difference_of_each_rows_loss() -> None:
    x = torch.rand(3, 1, 2, 2, dtype=torch.float64)

    def loss(x: Tensor) -> Tensor:
        return (x.flatten(1) ** 3).sum(1).sin()

    found = ascent(loss, x)
    for i in range(4):
        step = torch.zeros(4, dtype=torch.float64)
        step[i] = 1e-6
        difference = (loss(x + step.view(1, 2, 2)) - loss(x - step.view(1, 2, 2))) / 2e-6
        assert torch.allclose(found.flatten(1)[:, i], difference, atol=1e-8)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_on_a_linear_loss_fgsm_is_the_best_point_of_the_ball(norm: BallNorm) -> None:
    """Its rise is ε times the dual norm of the slope (Hölder)."""
    x, slope = _linear()
    found = FGSM(epsilon=0.1, norm=norm).perturb(lambda x: (slope * x).flatten(1).sum(1), x, NOISE)
    rise = (slope * (found - x)).flatten(1).sum(1)
    dual = slope.flatten(1).abs().sum(1) if norm == "linf" else slope.flatten(1).norm(dim=1)
    assert torch.allclose(rise, 0.1 * dual, rtol=1e-12, atol=0)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("random_start", [False, True])
def test_on_a_linear_loss_pgd_comes_to_the_same_point(norm: BallNorm, random_start: bool) -> None:
    x, slope = _linear()

    def loss(x: Tensor) -> Tensor:
        return (slope * x).flatten(1).sum(1)

    one = FGSM(epsilon=0.1, norm=norm).perturb(loss, x, NOISE)
    many = PGD(epsilon=0.1, norm=norm, steps=400, step_size=0.05, random_start=random_start).perturb(loss, x, NOISE)
    assert torch.allclose(one, many, atol=1e-6)


def test_one_step_of_pgd_without_a_random_start_is_fgsm() -> None:
    x = torch.rand(SHAPE, dtype=torch.float64)

    def loss(x: Tensor) -> Tensor:
        return x.flatten(1).square().sum(1).cos()

    one = PGD(epsilon=0.2, steps=1, step_size=0.2, random_start=False).perturb(loss, x, NOISE)
    assert torch.allclose(one, FGSM(epsilon=0.2).perturb(loss, x, NOISE), rtol=0, atol=1e-15)


def test_pgd_is_the_hand_written_loop() -> None:
    x, slope = _linear()

    def loss(x: Tensor) -> Tensor:
        return (slope * x.square()).flatten(1).sum(1).sin()

    at = x
    for _ in range(7):
        leaf = at.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(leaf).sum(), leaf)
        at = torch.min(torch.max(at + 0.03 * gradient.sign(), x - 0.1), x + 0.1).clamp(0, 1)
    found = PGD(epsilon=0.1, steps=7, step_size=0.03, random_start=False).perturb(loss, x, NOISE)
    assert torch.allclose(found, at, rtol=0, atol=1e-12)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_where_the_slope_is_zero_nothing_moves(norm: BallNorm) -> None:
    x, _ = _linear()
    assert torch.equal(FGSM(norm=norm).perturb(lambda x: (0 * x).flatten(1).sum(1), x, NOISE), x)


def test_the_smallest_slopes_have_a_direction() -> None:
    x = torch.full((2, 1, 2, 2), 0.5)
    found = FGSM(epsilon=0.1, norm="l2").perturb(lambda x: 1e-30 * x.flatten(1).sum(1), x, KeyedNoise(0, 0))
    assert torch.allclose((found - x).flatten(1).norm(dim=1), torch.tensor(0.1), rtol=1e-5)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_starts_are_uniform_in_the_ball(norm: BallNorm) -> None:
    """The share within half the radius is ½ to the number of dimensions."""
    starts = drawn(KeyedNoise(1, 0), "start", torch.zeros(20_000, 1, 1, 2), 0.3, norm).flatten(1)
    length = starts.abs().amax(1) if norm == "linf" else starts.norm(dim=1)
    assert length.max() <= 0.3 * (1 + 1e-6)
    assert abs(float((length < 0.15).float().mean()) - 0.25) < 0.015
    assert starts.mean(0).abs().max() < 0.01


def test_what_lies_in_the_ball_stays_where_it_is() -> None:
    inside = 0.1 * torch.rand(SHAPE, dtype=torch.float64)
    assert torch.equal(within(inside, 1.0, "linf"), inside)
    assert torch.allclose(within(inside, 10.0, "l2"), inside, rtol=0, atol=1e-15)
    assert torch.allclose(
        within(100 * inside, 0.5, "l2").flatten(1).norm(dim=1), torch.tensor(0.5, dtype=torch.float64)
    )
