"""Attack: images close to given ones, on which a loss is larger."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from zoo_core.interfaces.component import Part
from zoo_core.noise import Noise

AttackedLoss: TypeAlias = Callable[[Tensor], Tensor]
"""Images (N, C, H, W) to what an attack raises, (N,), each example's from its own image."""

BallNorm = Literal["linf", "l2"]
"""``linf``: the largest change of a value; ``l2``: the root of the sum of squares over an image's values."""


class Attack(Part):
    """Moves images within a ball around them, and within [0, 1], so that a loss grows.

    It knows neither nets nor labels: these are in ``loss``. So one attack serves classifiers, encoders and detectors, another net
    than the one that is fooled (transfer), and means over a net's noise. A caller in a training runs it in ``step.isolated``, which
    keeps the running statistics of nets in train mode.

    A subclass sets ``epsilon`` and ``norm`` in ``__init__`` and writes ``perturb``; :func:`ascent` gives it the slopes.
    """

    epsilon: float
    """Radius of the ball."""

    norm: BallNorm
    """In which norm."""

    @abstractmethod
    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        """The attacked images, (N, C, H, W), without a graph.

        Arguments:
            loss: what should grow.
            x: (N, C, H, W) in [0, 1]; they stay as they are.
            noise: where a random start comes from.
            name: what its draws begin with, for several attacks on one batch.
        """


def ascent(loss: AttackedLoss, x: Tensor) -> Tensor:
    """The gradient of each example's loss in its image, (N, C, H, W), without a graph. Weights get no gradient, and autograd may be
    off where it is asked for."""
    with torch.inference_mode(False), torch.enable_grad():
        at = x.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss(at).sum(), at)
    return slope
