"""Generative adversarial networks: one objective for each game."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le

from zoo_basics.objectives.adversarial_game import AdversarialGame
from zoo_core.adversarial import AdversarialLoss


class _PlainGame(AdversarialGame):
    """A game whose losses depend on the scores alone."""

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"instance_noise": 0.1, "noise_until": 0.5, "weight": 0.5}]

    def __init__(self, *, instance_noise: Annotated[float, Ge(0)] = 0.0,
                 noise_until: Annotated[float, Gt(0), Le(1)] = 1.0, weight: Annotated[float, Ge(0)] = 1.0) -> None:
        super().__init__(instance_noise, noise_until, weight)


class GAN(_PlainGame):
    """Cross-entropy; the generator maximises log D(G(z)) (Goodfellow et al. 2014, section 3; Lamb 2018, Eq. 1.39).

    Arguments:
        instance_noise: standard deviation of Gaussian noise on all images that the discriminator sees, at the start.
        noise_until: the part of the training over which that noise falls to 0.
        weight: factor of the generator's term.
    """

    kind: ClassVar[AdversarialLoss] = "gan"


class MinimaxGAN(_PlainGame):
    """Cross-entropy; the generator minimises log(1 − D(G(z))) (Goodfellow et al. 2014, Eq. 1; Lamb 2018, Eq. 1.38).

    Arguments:
        instance_noise: standard deviation of Gaussian noise on all images that the discriminator sees, at the start.
        noise_until: the part of the training over which that noise falls to 0.
        weight: factor of the generator's term.
    """

    kind: ClassVar[AdversarialLoss] = "minimax"


class LeastSquaresGAN(_PlainGame):
    """Half the squared distance of scores to 1 and 0 (Mao et al. 2017, Eq. 9).

    Arguments:
        instance_noise: standard deviation of Gaussian noise on all images that the discriminator sees, at the start.
        noise_until: the part of the training over which that noise falls to 0.
        weight: factor of the generator's term.
    """

    kind: ClassVar[AdversarialLoss] = "lsgan"


class HingeGAN(_PlainGame):
    """Hinge losses of scores (Lim and Ye 2017; Miyato et al. 2018, Eqs. 16 and 17).

    Arguments:
        instance_noise: standard deviation of Gaussian noise on all images that the discriminator sees, at the start.
        noise_until: the part of the training over which that noise falls to 0.
        weight: factor of the generator's term.
    """

    kind: ClassVar[AdversarialLoss] = "hinge"
