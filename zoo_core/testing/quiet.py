"""Noise that is none, so that what a part computes beside its own draws can be checked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zoo_core.interfaces.part_noise import PartNoise, Source, part_noises
from zoo_core.noise import Noise


class Quiet(Noise):
    """The mean of every draw."""

    def normal(self, name: str, shape: Sequence[int]) -> Tensor:
        return torch.zeros(*shape)

    def uniform(self, name: str, shape: Sequence[int]) -> Tensor:
        return torch.full(tuple(shape), 0.5)

    def integers(self, name: str, shape: Sequence[int], high: int) -> Tensor:
        return torch.zeros(*shape, dtype=torch.int64)

    def seed_for(self, name: str) -> int:
        return 0


def quieted(module: nn.Module) -> list[PartNoise]:
    """Have the parts of ``module`` that draw in their own forwards draw nothing from now on; they are returned."""
    noises = part_noises({"part": module})
    for one in noises:
        one.source = Source(Quiet(), "quiet")
    return noises
