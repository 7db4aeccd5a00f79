"""A head, an attack, and an objective that trains on what the attack makes of an encoder's images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zoo_core.data.labels import chosen
from zoo_core.errors import IncompatibleError
from zoo_core.game.step import Step
from zoo_core.interfaces import (
    Attack,
    AttackedLoss,
    BallNorm,
    Encoder,
    Head,
    Labels,
    Need,
    Objective,
    Tags,
    Term,
)
from zoo_core.noise import Noise


class Squared(Head):
    """A linear layer of z and z².

    Arguments:
        latent_dim: width of z.
        attributes: those of the data's that it tells.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"attributes": ["wide", "tall", "thin"]}]

    def __init__(
        self, *, labels: Labels, latent_dim: Annotated[int, Ge(1), Le(1000)] = 6, attributes: tuple[str, ...] = ()
    ) -> None:
        super().__init__()
        self.attributes, labels = attributes, chosen(labels, attributes, "head.attributes")
        if not labels.count:
            raise IncompatibleError("no labels, no logits")
        self.latent_dim = latent_dim
        self.outputs = labels.count
        self.linear = nn.Linear(2 * latent_dim, labels.count)

    def forward(self, z: Tensor) -> Tensor:
        logits: Tensor = self.linear(torch.cat([z, z.square()], 1))
        return logits


class RandomSigns(Attack):
    """The best of some changes of random signs.

    Arguments:
        epsilon: size of each change.
        tries: how many.
    """

    norm: BallNorm = "linf"

    def __init__(
        self, *, epsilon: Annotated[float, Gt(0), Le(1)] = 0.1, tries: Annotated[int, Ge(1), Le(100)] = 3
    ) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.tries = tries

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        found, best = x.detach(), torch.full((len(x),), -torch.inf, dtype=x.dtype, device=x.device)
        with torch.no_grad():
            for number in range(self.tries):
                sign = 2.0 * noise.integers(f"{name}/{number}", x.shape, 2) - 1
                tried = (x + self.epsilon * sign.to(x.dtype)).clamp(0, 1)
                value = loss(tried)
                found = torch.where((value > best).view(-1, 1, 1, 1), tried, found)
                best = torch.maximum(value, best)
        return found


class Hardened(Objective):
    """Cross-entropy of the head at the mean codes of attacked images."""

    tags: ClassVar[Tags] = Tags(labels="classes")
    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "head": Need("head"), "attack": Need("attack")}
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "head": {"losses": ["fit"], "trains": ["encoder", "head"], "lr": 0.01}
    }

    def __init__(self, *, labels: Labels) -> None:
        super().__init__()
        if labels.type != "classes":
            raise IncompatibleError("needs classes")

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        encoder, head, attack = step.part("encoder"), step.part("head"), step.part("attack")
        assert isinstance(encoder, Encoder) and isinstance(head, Head) and isinstance(attack, Attack)
        assert step.y is not None
        y = step.y

        def of_each(x: Tensor) -> Tensor:
            return cross_entropy(head.logits(encoder.posterior(x).mean), y, ignore_index=-1, reduction="none")

        attacked = step.isolated(lambda: attack.perturb(of_each, step.x, step.noise))
        yield Term("hardened", of_each(attacked).sum() / (y >= 0).sum().clamp(min=1))
