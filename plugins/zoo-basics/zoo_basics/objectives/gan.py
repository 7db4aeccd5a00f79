"""Generative adversarial networks whose losses depend on the scores alone: one objective for each game."""

from __future__ import annotations

from typing import ClassVar

from zoo_basics.objectives.adversarial_game import AdversarialGame
from zoo_core.adversarial import AdversarialLoss


class GAN(AdversarialGame):
    """Cross-entropy; the generator maximises log D(G(z)) (Goodfellow et al. 2014, section 3; Lamb 2018, Eq. 1.39)."""

    kind: ClassVar[AdversarialLoss] = "gan"


class MinimaxGAN(AdversarialGame):
    """Cross-entropy; the generator minimises log(1 − D(G(z))) (Goodfellow et al. 2014, Eq. 1; Lamb 2018, Eq. 1.38)."""

    kind: ClassVar[AdversarialLoss] = "minimax"


class LeastSquaresGAN(AdversarialGame):
    """Half the squared distance of scores to 1 and 0 (Mao et al. 2017, Eq. 9)."""

    kind: ClassVar[AdversarialLoss] = "lsgan"


class HingeGAN(AdversarialGame):
    """Hinge losses of scores (Lim and Ye 2017; Miyato et al. 2018, Eqs. 16 and 17)."""

    kind: ClassVar[AdversarialLoss] = "hinge"
