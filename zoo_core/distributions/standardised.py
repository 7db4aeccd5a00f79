"""Standardised: draws of a Gaussian, standardised over the batch."""

from __future__ import annotations

from torch import Tensor

from zoo_core.distributions.posterior import GaussianPosterior, Posterior
from zoo_core.errors import SettingError
from zoo_core.noise import Noise

FLOOR = 1e-3
"""Added to the standard deviation before it divides."""


def spread(variance: Tensor) -> Tensor:
    """What draws of this variance are divided by."""
    # The root's slope at 0 is infinite: there the gradient is cut, as torch.std does.
    return variance.clamp(min=1e-20).sqrt() + FLOOR


class Standardised(Posterior):
    """Draws z of a Gaussian posterior, less their mean over the batch and divided by their standard deviation over it plus 0.001, each
    coordinate by itself: the encoder of GibbsNet's published code (Lamb et al. 2017).

    For train mode. A draw depends on the whole batch, so that one example's has no density. ``mean`` is the Gaussian's, standardised by
    the moments that draws have on average: the means' mean, and the means' variance plus the mean σ². Each process standardises over its
    own part of the batch, as batch norm does.

    Arguments:
        gaussian: before it, for at least two examples.

    Raises:
        SettingError: there is one example alone.
    """

    def __init__(self, gaussian: GaussianPosterior) -> None:
        if len(gaussian.mean) < 2:
            raise SettingError(
                "a standardised posterior is standardised over the batch, and this batch has 1 example",
                hint="train with batch_size of at least 2, or another encoder.posterior",
            )
        self.gaussian = gaussian

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance that draws have on average over the batch, (latent_dim,) each."""
        mean, log_sigma = self.gaussian.mean, self.gaussian.log_sigma
        return mean.mean(0), mean.var(0, correction=0) + (2 * log_sigma).exp().mean(0)

    @property
    def mean(self) -> Tensor:
        centre, variance = self.moments()
        return (self.gaussian.mean - centre) / spread(variance)

    def rsample(self, noise: Noise | None = None, name: str = "z") -> Tensor:
        z = self.gaussian.rsample(noise, name)
        return (z - z.mean(0)) / (z.std(0, correction=0) + FLOOR)
