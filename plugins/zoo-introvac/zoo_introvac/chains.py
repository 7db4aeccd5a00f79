"""Chains whose stationary distribution is the Gibbs distribution of an energy, many at a time."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from zoo_core.noise import Noise
from zoo_introvac.energy import Energy


class Walked(NamedTuple):
    """Where chains have ended.

    Arguments:
        z: the codes, (N, D).
        accepted: the mean over steps and chains of how often a step was taken.
    """

    z: Tensor
    accepted: float


def langevin(energy: Energy, z: Tensor, noise: Noise, *, steps: int, size: float) -> Walked:
    """z ← z − α ∇U(z) + √(2α) ε, every step taken (Eq. 8). Its distribution is off by the order of α, ``size``."""
    z, spread = z.clone(), math.sqrt(2 * size)
    for _ in range(steps):
        z.sub_(energy.slope(z), alpha=size).add_(noise.normal("langevin", z.shape), alpha=spread)
    return Walked(z, 1.0)


def mala(energy: Energy, z: Tensor, noise: Noise, *, steps: int, size: float) -> Walked:
    """The same steps, each taken or not as Metropolis and Hastings have it, so that the distribution is that of U for every ``size``
    (Roberts and Tweedie 1996)."""
    spread, taken = math.sqrt(2 * size), z.new_zeros(())
    u, slope = energy(z), energy.slope(z)
    for _ in range(steps):
        e = noise.normal("langevin", z.shape)
        there = z - size * slope + spread * e
        u_there, slope_there = energy(there), energy.slope(there)
        # log q(z given there) − log q(there given z), of normals of variance 2α around a step along the slope.
        back = (z - there + size * slope_there).square().sum(1) / (4 * size)
        odds = u - u_there - back + 0.5 * e.square().sum(1)
        takes = noise.uniform("metropolis", (len(z),)).log() < odds
        z, slope = torch.where(takes[:, None], there, z), torch.where(takes[:, None], slope_there, slope)
        u, taken = torch.where(takes, u_there, u), taken + takes.to(z).mean()
    return Walked(z, float(taken) / steps)
