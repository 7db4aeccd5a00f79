"""Adversarial losses and penalties against closed forms, second implementations and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, hinge_embedding_loss, mse_loss

from zoo_core.adversarial import critic_loss, generator_loss, gradient_penalty

REAL = torch.tensor([2.0, -0.5, 0.3], dtype=torch.float64)
FAKE = torch.tensor([-1.5, 0.2, 3.0], dtype=torch.float64)


def ones(scores: Tensor) -> Tensor:
    return torch.ones_like(scores)


def zeros(scores: Tensor) -> Tensor:
    return torch.zeros_like(scores)


def test_gan_is_cross_entropy_and_its_generator_maximises_log_d() -> None:
    critic = binary_cross_entropy_with_logits(REAL, ones(REAL)) + binary_cross_entropy_with_logits(FAKE, zeros(FAKE))
    assert torch.isclose(critic_loss("gan", REAL, FAKE), critic)
    assert torch.isclose(generator_loss("gan", FAKE), binary_cross_entropy(FAKE.sigmoid(), ones(FAKE)))


def test_minimax_s_generator_minimises_log_one_minus_d_which_its_critic_maximises() -> None:
    assert torch.isclose(generator_loss("minimax", FAKE), (1 - FAKE.sigmoid()).log().mean())
    assert torch.equal(critic_loss("minimax", REAL, FAKE), critic_loss("gan", REAL, FAKE))
    fake = FAKE.clone().requires_grad_()
    (of_critic,) = torch.autograd.grad(critic_loss("minimax", REAL, fake), fake)
    (of_generator,) = torch.autograd.grad(generator_loss("minimax", fake), fake)
    assert torch.allclose(of_generator, -of_critic)


def test_lsgan_is_half_the_mean_squared_error_to_one_and_zero() -> None:
    assert torch.isclose(
        critic_loss("lsgan", REAL, FAKE), 0.5 * (mse_loss(REAL, ones(REAL)) + mse_loss(FAKE, zeros(FAKE)))
    )
    assert torch.isclose(generator_loss("lsgan", FAKE), 0.5 * mse_loss(FAKE, ones(FAKE)))


def test_hinge_stops_at_the_margin() -> None:
    written_out = (0.0 + 1.5 + 0.7) / 3 + (0.0 + 1.2 + 4.0) / 3
    assert critic_loss("hinge", REAL, FAKE).item() == pytest.approx(written_out)
    # torch's hinge of a distance d to the label −1 is max(0, 1 − d).
    assert torch.isclose(
        critic_loss("hinge", REAL, FAKE),
        hinge_embedding_loss(REAL, -ones(REAL)) + hinge_embedding_loss(-FAKE, -ones(FAKE)),
    )
    assert generator_loss("hinge", FAKE).item() == pytest.approx(-1.7 / 3)


def test_wgan_is_the_difference_of_means() -> None:
    assert critic_loss("wgan", REAL, FAKE).item() == pytest.approx(1.7 / 3 - 1.8 / 3)
    assert generator_loss("wgan", FAKE).item() == pytest.approx(-1.7 / 3)


def test_bgan_s_generator_seeks_where_d_is_one_half() -> None:
    d = FAKE.sigmoid()
    assert torch.isclose(generator_loss("bgan", FAKE), 0.5 * (d.log() - (1 - d).log()).square().mean())
    assert torch.equal(critic_loss("bgan", REAL, FAKE), critic_loss("gan", REAL, FAKE))
    assert generator_loss("bgan", zeros(FAKE)).item() == 0


class Cubic(nn.Module):
    """s(x) = (a·x)³, whose slope is 3 (a·x)² a."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1) @ self.a) ** 3


def examples(seed: int) -> Tensor:
    return torch.randn(4, 3, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


MIX = torch.tensor([0.0, 0.25, 0.6, 0.9], dtype=torch.float64)


def slopes(critic: Cubic, x: Tensor) -> Tensor:
    return 3 * (x.flatten(1) @ critic.a).square()[:, None] * critic.a


@pytest.mark.parametrize("kind", ["r1", "gradient", "roth"])
def test_a_penalty_is_its_closed_form(kind: str) -> None:
    critic, real, fake = Cubic(), examples(0), examples(1)
    penalty = gradient_penalty(kind, critic, real, fake, MIX)  # type: ignore[arg-type]
    between = MIX.view(-1, 1, 1, 1) * real + (1 - MIX.view(-1, 1, 1, 1)) * fake
    wanted = {
        "r1": slopes(critic, real).square().sum(1).mean(),
        "gradient": (slopes(critic, between).norm(dim=1) - 1).square().mean(),
        "roth": ((1 - critic(real).sigmoid()) ** 2 * slopes(critic, real).square().sum(1)).mean()
        + (critic(fake).sigmoid() ** 2 * slopes(critic, fake).square().sum(1)).mean(),
    }[kind]
    assert torch.isclose(penalty, wanted)


@pytest.mark.parametrize("kind", ["r1", "gradient", "roth"])
def test_a_penalty_s_gradient_in_the_critic_s_weights_is_that_of_finite_differences(kind: str) -> None:
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    weight = critic[1].weight

    def penalty() -> Tensor:
        return gradient_penalty(kind, critic, examples(0), examples(1), MIX)  # type: ignore[arg-type]

    (gradient,) = torch.autograd.grad(penalty(), weight)
    for index in ((0, 0), (2, 1), (4, 2)):
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                weight[index] += step
            values.append(penalty().item())
            with torch.no_grad():
                weight[index] -= step
        assert gradient[index].item() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5, abs=1e-9)


def test_a_critic_of_slope_one_pays_no_gradient_penalty() -> None:
    direction = torch.tensor([1.0, 2.0, -2.0], dtype=torch.float64) / 3
    penalty = gradient_penalty("gradient", lambda x: x.flatten(1) @ direction, examples(0), examples(1), MIX)
    assert math.isclose(penalty.item(), 0.0, abs_tol=1e-12)
