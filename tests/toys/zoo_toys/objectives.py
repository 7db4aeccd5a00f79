"""Toy objectives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from zoo_core.game import Step
from zoo_core.interfaces import Need, Objective, Term


class TurnsNaN(Objective):
    """A term that is NaN from its call number ``after`` on, counted in train mode."""

    needs: ClassVar[Mapping[str, Need]] = {"decoder": Need("decoder")}

    def __init__(self, *, after: int = 0) -> None:
        super().__init__()
        self.after, self.calls = after, 0

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        value = step.reconstruction().mean() * (float("nan") if self.calls >= self.after else 1.0)
        self.calls += step.part("decoder").training
        yield Term("boom", value)


class SpoilsWeights(Objective):
    """A finite value whose gradient is NaN from call number ``after`` on: √ at 0."""

    needs: ClassVar[Mapping[str, Need]] = {"decoder": Need("decoder")}

    def __init__(self, *, after: int = 0) -> None:
        super().__init__()
        self.after, self.calls = after, 0

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        mean = step.reconstruction().mean()
        yield Term("root", torch.sqrt(mean * 0) if self.calls >= self.after else mean)
        self.calls += 1


class Owner(Objective):
    """Owns a published weight and a network for training only."""

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder")}
    training_only: ClassVar[frozenset[str]] = frozenset({"critic"})

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.critic = nn.Linear(4, 1)

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        step.part("toy-owner")
        yield Term("own", (self.scale * self.critic(step.z())).square().mean())


class Critical(Objective):
    """Trains the part ``critic``, through a player that it brings along."""

    losses: ClassVar[tuple[str, ...]] = ("discriminate",)
    needs: ClassVar[Mapping[str, Need]] = {"critic": Need("network")}
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "critic": {"trains": ["critic"], "losses": ["discriminate"], "lr": 0.01}
    }

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        yield Term("score", step.part("critic")(step.x).square().mean())


class Wishful(Objective):
    """Needs a capability that no prior has."""

    needs: ClassVar[Mapping[str, Need]] = {"prior": Need("prior", frozenset({"prior.magic"}))}

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        raise AssertionError


class Redrawn(Objective):
    """Codes of drawn pixels come back to the codes that they were drawn at."""

    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder"),
        "decoder": Need("decoder", frozenset({"likelihood.rsample"})),
    }

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        pixels = step.likelihood().rsample(step.noise, "redrawn")
        yield Term("code", (step.part("encoder").posterior(pixels).mean - step.z()).square().mean())
