"""The losses of two-player games, from a critic's scores: raw numbers, large for what it takes for real."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, sigmoid
from torch.nn.functional import relu, softplus

AdversarialLoss = Literal["gan", "minimax", "lsgan", "hinge", "wgan", "bgan"]
"""``gan`` and ``minimax``: cross-entropy of sigmoid(score) (Goodfellow et al. 2014), the generator maximising log D(G(z)) or, with
``minimax``, minimising log(1 − D(G(z))). ``lsgan``: half squared distance to 1 and 0 (Mao et al. 2017, b = c = 1, a = 0).
``hinge``: Lim and Ye 2017. ``wgan``: difference of means (Arjovsky et al. 2017), for a critic held Lipschitz. ``bgan``: the critic
of ``gan``, the generator minimising ½ (log D − log(1 − D))², the squared distance of the score to the decision boundary (Hjelm et al.
2018, section 3)."""

Penalty = Literal["none", "r1", "gradient", "roth"]
"""``r1``: E‖∇D‖² at real examples (Mescheder et al. 2018, Eq. 9, without its ½). ``gradient``: E(‖∇D‖ − 1)² between real and
generated ones (Gulrajani et al. 2017, Eq. 3). ``roth``: E[(1 − D)²‖∇s‖²] at real plus E[D²‖∇s‖²] at generated examples, of the score
s = logit D (Roth et al. 2017, Eq. 26, without its ½)."""


def critic_loss(kind: AdversarialLoss, real: Tensor, fake: Tensor) -> Tensor:
    """What the critic minimises, a scalar, for its scores of real and of generated examples."""
    match kind:
        case "gan" | "minimax" | "bgan":
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
        case "bgan":
            return 0.5 * fake.square().mean()


def gradient_penalty(kind: Penalty, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """The penalty ``kind`` (not ``none``), a scalar with a gradient to the critic's weights alone.

    Arguments:
        critic: examples (N, …) to scores of N examples, each depending on its own example.
        real, fake: (N, …), taken as constants.
        mix: uniform in [0, 1), (N,): how far each point lies from ``fake`` towards ``real``; only for ``gradient``.
    """
    if kind == "gradient":
        weight = mix.view(-1, *[1] * (real.dim() - 1))
        _, slope = _slope(critic, torch.lerp(fake.detach(), real.detach(), weight))
        excess: Tensor = slope.norm(dim=1) - 1
        return excess.square().mean()
    score, slope = _slope(critic, real.detach())
    if kind == "r1":
        return slope.square().sum(1).mean()
    at_real = (sigmoid(-score).square() * slope.square().sum(1)).mean()
    score, slope = _slope(critic, fake.detach())
    at_fake = (sigmoid(score).square() * slope.square().sum(1)).mean()
    return at_real + at_fake


def _slope(critic: Callable[[Tensor], Tensor], at: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (N,) and their gradients (N, D) in the examples ``at``, both with a graph."""
    at = at.requires_grad_()
    score = critic(at).flatten()
    (slope,) = torch.autograd.grad(score.sum(), at, create_graph=True)
    return score, slope.flatten(1)
