"""The losses of two-player games, from a critic's scores: raw numbers, large for what it takes for real."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, sigmoid
from torch.nn.functional import relu, softplus

from zoo_core.errors import SettingError

AdversarialLoss = Literal["gan", "minimax", "lsgan", "hinge", "wgan", "bgan"]
"""``gan`` and ``minimax``: cross-entropy of sigmoid(score) (Goodfellow et al. 2014), the generator maximising log D(G(z)) or, with
``minimax``, minimising log(1 − D(G(z))). ``lsgan``: half squared distance to 1 and 0 (Mao et al. 2017, b = c = 1, a = 0).
``hinge``: Lim and Ye 2017. ``wgan``: difference of means (Arjovsky et al. 2017), for a critic held Lipschitz. ``bgan``: the critic
of ``gan``, the generator minimising ½ (log D − log(1 − D))², the squared distance of the score to the decision boundary (Hjelm et al.
2018, section 3)."""

JointGame = Literal["swapped", "boundary"]
"""What encoder and decoder seek in a joint game, against a critic of pairs (x, z) of data and codes and of pairs from the model.
``swapped``: that each side is taken for the other (Dumoulin et al. 2017, Algorithm 1). ``boundary``: that either side's score lies on
the critic's decision boundary (Lamb et al. 2017, section 3.4.2, after Hjelm et al. 2018)."""

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


def joint_generator_loss(kind: AdversarialLoss, real: Tensor, fake: Tensor, game: JointGame = "swapped") -> Tensor:
    """What encoder and decoder minimise together, a scalar, for the critic's scores of pairs (x, z) of data with their codes
    (``real``, which the encoder moves) and of pairs from the model (``fake``).

    The boundary lies at a score of ½ for ``lsgan``, whose targets are 1 and 0, and at 0 for the others. ``bgan`` is the critic of
    ``gan`` with the game ``boundary``, whatever ``game`` says.

    Raises:
        SettingError: ``wgan`` has no boundary, as its scores have no fixed zero.
    """
    if game == "boundary" or kind == "bgan":
        if kind == "wgan":
            raise SettingError(
                "a critic of the loss wgan has no decision boundary: its scores have no fixed zero",
                hint='choose another loss, or the game "swapped"',
            )
        boundary = 0.5 if kind == "lsgan" else 0.0
        return 0.5 * ((real - boundary).square().mean() + (fake - boundary).square().mean())
    match kind:
        case "gan" | "lsgan":
            return critic_loss(kind, fake, real)
        case "minimax":
            return -critic_loss(kind, real, fake)
        case "hinge" | "wgan":
            return real.mean() - fake.mean()


def gradient_penalty(
    kind: Penalty,
    critic: Callable[..., Tensor],
    real: Tensor | Sequence[Tensor],
    fake: Tensor | Sequence[Tensor],
    mix: Tensor,
) -> Tensor:
    """The penalty ``kind`` (not ``none``), a scalar with a gradient to the critic's weights alone.

    Arguments:
        critic: examples (N, …) to scores of N examples, each depending on its own example. A joint critic takes several inputs, such
            as images and codes; the slope is then that in all of them together.
        real, fake: (N, …), or one for each of the critic's inputs, taken as constants.
        mix: uniform in [0, 1), (N,): how far each point lies from ``fake`` towards ``real``; only for ``gradient``.
    """
    if kind == "gradient":
        _, slope = _slope(critic, [_between(a, b, mix) for a, b in zip(_several(fake), _several(real), strict=True)])
        excess: Tensor = slope.norm(dim=1) - 1
        return excess.square().mean()
    score, slope = _slope(critic, [one.detach() for one in _several(real)])
    if kind == "r1":
        return slope.square().sum(1).mean()
    at_real = (sigmoid(-score).square() * slope.square().sum(1)).mean()
    score, slope = _slope(critic, [one.detach() for one in _several(fake)])
    at_fake = (sigmoid(score).square() * slope.square().sum(1)).mean()
    return at_real + at_fake


def _several(inputs: Tensor | Sequence[Tensor]) -> Sequence[Tensor]:
    return (inputs,) if isinstance(inputs, Tensor) else inputs


def _between(fake: Tensor, real: Tensor, mix: Tensor) -> Tensor:
    return torch.lerp(fake.detach(), real.detach(), mix.view(-1, *[1] * (real.dim() - 1)))


def _slope(critic: Callable[..., Tensor], at: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Scores (N,) and their gradients (N, D) in the examples ``at``, all inputs side by side, both with a graph."""
    at = [one.requires_grad_() for one in at]
    score = critic(*at).flatten()
    slopes = torch.autograd.grad(score.sum(), at, create_graph=True)
    return score, torch.cat([slope.flatten(1) for slope in slopes], 1)
