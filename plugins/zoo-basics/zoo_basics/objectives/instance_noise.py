"""InstanceNoise: noise on all images that a discriminator sees."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.game import Step


class InstanceNoise:
    """Gaussian noise on images of the data and of the model alike, which falls to 0 along a line (Arjovsky and Bottou 2017, section 3;
    Lamb 2018, Eq. 1.40).

    Arguments:
        std: its standard deviation at the start; 0 is none.
        until: the part of the training, from 0 to 1, at which it has fallen to 0.
    """

    def __init__(self, std: float, until: float) -> None:
        self.std, self.until = std, until

    def seen(self, step: Step, of: str) -> str:
        """The name of the images called ``of`` as the discriminator sees them."""
        std = self.std * max(0.0, 1.0 - step.progress / self.until)
        if not std:
            return of

        def noisy() -> Tensor:
            images = step.image(of)
            return torch.add(images, step.noise.normal(f"instance:{of}", images.shape), alpha=std)

        step.value(f"noisy:{of}", noisy)
        return f"noisy:{of}"
