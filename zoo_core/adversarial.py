"""The losses of two-player games, from a critic's scores: raw numbers, large for what it takes for real."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

AdversarialLoss = Literal["gan", "minimax", "lsgan", "hinge", "wgan"]
"""``gan`` and ``minimax``: cross-entropy of sigmoid(score) (Goodfellow et al. 2014), the generator maximising log D(G(z)) or, with
``minimax``, minimising log(1 − D(G(z))). ``lsgan``: half squared distance to 1 and 0 (Mao et al. 2017, b = c = 1, a = 0).
``hinge``: Lim and Ye 2017. ``wgan``: difference of means (Arjovsky et al. 2017), for a critic held Lipschitz."""

Penalty = Literal["none", "r1", "gradient"]
"""``r1``: E‖∇D‖² at real examples (Mescheder et al. 2018, Eq. 9, without its ½). ``gradient``: E(‖∇D‖ − 1)² between real and
generated ones (Gulrajani et al. 2017, Eq. 3)."""


def critic_loss(kind: AdversarialLoss, real: Tensor, fake: Tensor) -> Tensor:
    """What the critic minimises, a scalar, for its scores of real and of generated examples."""
    match kind:
        case "gan" | "minimax":
            return softplus(-real).mean() + softplus(fake).mean()
        case "lsgan":
            return 0.5 * ((real - 1).square().mean() + fake.square().mean())
        case "hinge":
            return relu(1 - real).mean() + relu(1 + fake).mean()
        case "wgan":
            return fake.mean() - real.mean()


def generator_loss(kind: AdversarialLoss, fake: Tensor) -> Tensor:
    """What the generator minimises, a scalar, for the critic's scores of its examples."""
    match kind:
        case "gan":
            return softplus(-fake).mean()
        case "minimax":
            return -softplus(fake).mean()
        case "lsgan":
            return 0.5 * (fake - 1).square().mean()
        case "hinge" | "wgan":
            return -fake.mean()


def gradient_penalty(kind: Penalty, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """The penalty ``kind`` (not ``none``), a scalar with a gradient to the critic's weights alone.

    Arguments:
        critic: examples (N, …) to scores of N examples, each depending on its own example.
        real, fake: (N, …), taken as constants.
        mix: uniform in [0, 1), (N,): how far each point lies from ``fake`` towards ``real``; only for ``gradient``.
    """
    if kind == "r1":
        at = real.detach().requires_grad_()
    else:
        weight = mix.view(-1, *[1] * (real.dim() - 1))
        at = torch.lerp(fake.detach(), real.detach(), weight).requires_grad_()
    (slope,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    slope = slope.flatten(1)
    return slope.square().sum(1).mean() if kind == "r1" else (slope.norm(dim=1) - 1).square().mean()
