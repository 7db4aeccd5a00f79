"""AdversarialGame: what the objectives of generative adversarial networks have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le
from torch import Tensor

from zoo_basics.objectives.instance_noise import InstanceNoise
from zoo_core.adversarial import AdversarialLoss, critic_loss, generator_loss
from zoo_core.game import Step
from zoo_core.interfaces import Need, Objective, Tags, Term

DISCRIMINATOR = "discriminator"


class AdversarialGame(Objective):
    """A discriminator tells images from decoded draws of the prior (``discriminate``), the decoder learns to be taken for the data
    (``fool``).

    Each loss is asked for the scores that it needs, once a step: played at once, both players share one forward of the
    discriminator on generated images; in turn, the generator meets the discriminator as it is after its step.

    Arguments:
        instance_noise: standard deviation of Gaussian noise on all images that the discriminator sees, at the start (Arjovsky and
            Bottou 2017, section 3; Lamb 2018, Eq. 1.40).
        noise_until: the part of the training, from 0 to 1, over which that noise falls to 0 along a line.
        weight: factor of the generator's term.
    """

    kind: ClassVar[AdversarialLoss]
    tags: ClassVar[Tags] = Tags(adversarial=True)
    losses: ClassVar[tuple[str, ...]] = ("discriminate", "fool")
    needs: ClassVar[Mapping[str, Need]] = {
        "decoder": Need("decoder"),
        "prior": Need("prior"),
        DISCRIMINATOR: Need("feature-extractor", frozenset({"score"}), trained=True),
    }
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "discriminator": {"trains": [DISCRIMINATOR], "losses": ["discriminate"], "lr": 2e-4, "betas": [0.5, 0.999]},
        "generator": {"trains": ["decoder"], "losses": ["fool"], "lr": 2e-4, "betas": [0.5, 0.999]},
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"instance_noise": 0.1, "noise_until": 0.5, "weight": 0.5}]

    def __init__(
        self,
        *,
        instance_noise: Annotated[float, Ge(0)] = 0.0,
        noise_until: Annotated[float, Gt(0), Le(1)] = 1.0,
        weight: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        super().__init__()
        self.instance_noise, self.weight = InstanceNoise(instance_noise, noise_until), weight

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``discriminator`` or ``generator``."""
        # The generated images keep their graph, also for the discriminator: its gradient is taken in its own weights alone, and
        # the generator then finds the scores where they are.
        fake = self._score(step, "generated")
        if loss == "fool":
            yield Term("generator", self.weight * generator_loss(self.kind, fake))
        else:
            yield Term(
                "discriminator", critic_loss(self.kind, self._score(step, "x"), fake), frozenset({DISCRIMINATOR})
            )

    def _score(self, step: Step, of: str) -> Tensor:
        return step.features(DISCRIMINATOR, of=self.instance_noise.seen(step, of))["score"][:, 0]
