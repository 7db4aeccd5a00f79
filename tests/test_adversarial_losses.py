"""Adversarial losses and penalties against closed forms, second implementations and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    hinge_embedding_loss,
    mse_loss,
    softplus,
)

from zoo_core.adversarial import critic_loss, generator_loss, gradient_penalty, joint_generator_loss
from zoo_core.errors import SettingError

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


# ------------------------------------------------------------------------------------------------ joint games


@pytest.mark.parametrize("kind", ["gan", "minimax", "lsgan", "wgan"])
def test_in_a_swapped_game_each_side_is_to_be_taken_for_the_other(kind: str) -> None:
    swapped = {
        "gan": softplus(REAL).mean() + softplus(-FAKE).mean(),  # Dumoulin et al. 2017, Algorithm 1
        "minimax": -(softplus(-REAL).mean() + softplus(FAKE).mean()),
        "lsgan": 0.5 * (REAL.square().mean() + (FAKE - 1).square().mean()),
        "wgan": REAL.mean() - FAKE.mean(),
    }[kind]
    assert torch.isclose(joint_generator_loss(kind, REAL, FAKE), swapped)  # type: ignore[arg-type]


def test_a_minimax_game_s_generators_undo_what_its_critic_does() -> None:
    for kind in ("minimax", "wgan"):
        assert joint_generator_loss(kind, REAL, FAKE) == -critic_loss(kind, REAL, FAKE)  # type: ignore[arg-type]


def test_in_a_boundary_seeking_game_both_sides_go_where_the_critic_cannot_tell() -> None:
    half = 0.5 * ((REAL - 0.5).square().mean() + (FAKE - 0.5).square().mean())
    assert torch.isclose(joint_generator_loss("lsgan", REAL, FAKE, "boundary"), half)
    zero = 0.5 * (REAL.square().mean() + FAKE.square().mean())
    for kind in ("gan", "minimax", "hinge", "bgan"):
        assert torch.isclose(joint_generator_loss(kind, REAL, FAKE, "boundary"), zero)  # type: ignore[arg-type]
    assert torch.isclose(joint_generator_loss("bgan", REAL, FAKE), zero)


def test_a_wasserstein_critic_has_no_boundary() -> None:
    with pytest.raises(SettingError, match="wgan has no decision boundary"):
        joint_generator_loss("wgan", REAL, FAKE, "boundary")


@pytest.mark.parametrize("kind", ["r1", "gradient", "roth"])
def test_a_penalty_over_pairs_is_that_over_both_inputs_side_by_side(kind: str) -> None:
    critic, real, fake = Cubic(), examples(0), examples(1)

    def joint(x: Tensor, z: Tensor) -> Tensor:
        return critic(torch.cat([x.flatten(1), z], 1))

    def pair(whole: Tensor) -> tuple[Tensor, Tensor]:
        return whole[:, :2], whole[:, 2:].flatten(1)

    of_pairs = gradient_penalty(kind, joint, pair(real), pair(fake), MIX)  # type: ignore[arg-type]
    whole = gradient_penalty(kind, critic, real, fake, MIX)  # type: ignore[arg-type]
    assert torch.isclose(of_pairs, whole, rtol=1e-12)
    assert torch.allclose(*(torch.autograd.grad(one, critic.a)[0] for one in (of_pairs, whole)), rtol=1e-12)
