"""A joint discriminator and its game."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

from zoo_core.adversarial import JointGame, critic_loss, gradient_penalty, joint_generator_loss
from zoo_core.game.step import Step
from zoo_core.interfaces import FeatureExtractor, Need, Nested, Objective, Tags, Term


class Joint(FeatureExtractor):
    """A score of an image, seen through an extractor of its own, and its code.

    Arguments:
        latent_dim: width of the code.
        net: what sees the image.
    """

    inputs: ClassVar[tuple[str, ...]] = ("x", "z")

    def __init__(
        self,
        *,
        latent_dim: Annotated[int, Ge(1), Le(4096)] = 4,
        net: Nested[FeatureExtractor] = Nested("zoo-basics:mlp", hidden=[12], layers=["hidden1"]),
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.net = net.build()
        seen = prod(self.net.shapes[self.net.layers[-1]])
        self.hidden = nn.Sequential(nn.Linear(seen + latent_dim, 16), nn.Tanh())
        self.head = nn.Linear(16, 1)
        self.layers = ("features", "score")
        self.shapes = {"features": (16,), "score": (1,)}

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, ...]:
        features = self.hidden(torch.cat([self.net(x)[-1].flatten(1), z], dim=1))
        return features, self.head(features)


class ALI(Objective):
    """Images with their codes against codes of the prior with their images (Dumoulin et al. 2017).

    Arguments:
        game: what encoder and decoder seek.
        penalty: factor of the slope's square at the data's pairs.
    """

    tags: ClassVar[Tags] = Tags(adversarial=True)
    losses: ClassVar[tuple[str, ...]] = ("discriminate", "fool")
    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder"),
        "decoder": Need("decoder"),
        "prior": Need("prior"),
        "discriminator": Need("feature-extractor", frozenset({"score"}), trained=True, inputs=("x", "z")),
    }
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "discriminator": {"trains": ["discriminator"], "losses": ["discriminate"]},
        "generator": {"trains": ["encoder", "decoder"], "losses": ["fool"]},
    }

    def __init__(self, *, game: JointGame = "swapped", penalty: Annotated[float, Ge(0)] = 0.1) -> None:
        super().__init__()
        self.game: JointGame = game
        self.penalty = penalty

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        real = step.features("discriminator", of=("x", "z"))["score"]
        fake = step.features("discriminator", of=("generated", "prior_draw"))["score"]
        if loss == "fool":
            yield Term("generator", joint_generator_loss("gan", real, fake, self.game))
            return
        yield Term("discriminator", critic_loss("gan", real, fake), frozenset({"discriminator"}))
        pairs = (step.x, step.z())
        slope = gradient_penalty(
            "r1", lambda *pair: step.score("discriminator", *pair), pairs, pairs, step.x.new_zeros(0)
        )
        yield Term("slope", self.penalty * slope, frozenset({"discriminator"}))
