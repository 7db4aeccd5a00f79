"""Likelihoods p(x given z), and the families that make them from a decoder's output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from zoo_core.distributions.attributes import Attributes
from zoo_core.distributions.log_sigma import LogSigma, gaussian_log_prob
from zoo_core.noise import GeneratorNoise, Noise


class Likelihood(ABC):
    """p(x given z) for a batch of N codes; x is (N, C, H, W) in [0, 1]."""

    attributes: Attributes | None = None
    """p(a given z), from a decoder with the capability ``likelihood.attributes``."""

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """The picture that is shown, (N, C, H, W)."""

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x given z), (N,), in nats, summed over the units of x. Only where the family has the capability
        ``likelihood.log_prob``."""
        raise TypeError(f"{type(self).__name__} has no density")

    @abstractmethod
    def sample(self, noise: Noise | None = None, name: str = "x") -> Tensor:
        """A draw of x, (N, C, H, W), without a gradient."""

    def rsample(self, noise: Noise | None = None, name: str = "x") -> Tensor:
        """A draw of x, (N, C, H, W), with a gradient back to the decoder: the same that :meth:`sample` gives for this noise.
        Only where the family has the capability ``likelihood.rsample``."""
        raise TypeError(f"{type(self).__name__} has no draws with a gradient")


class Gaussian(Likelihood):
    """N(mean, diag(σ²)) over the units of x."""

    def __init__(self, mean: Tensor, log_sigma: Tensor) -> None:
        self._mean = mean
        self.log_sigma = log_sigma

    @property
    def mean(self) -> Tensor:
        return self._mean

    def log_prob(self, x: Tensor) -> Tensor:
        return gaussian_log_prob(x, self._mean, self.log_sigma)

    def sample(self, noise: Noise | None = None, name: str = "x") -> Tensor:
        return self.rsample(noise, name).detach()

    def rsample(self, noise: Noise | None = None, name: str = "x") -> Tensor:
        noise = noise or GeneratorNoise(device=self._mean.device, dtype=self._mean.dtype)
        return self._mean + self.log_sigma.exp() * noise.normal(name, self._mean.shape)


class Bernoulli(Likelihood):
    """Independent Bernoulli units. Grey levels in [0, 1] are taken as probabilities, as is common for MNIST."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    @property
    def mean(self) -> Tensor:
        return torch.sigmoid(self.logits)

    def log_prob(self, x: Tensor) -> Tensor:
        return -binary_cross_entropy_with_logits(self.logits, x, reduction="none").flatten(1).sum(1)

    def sample(self, noise: Noise | None = None, name: str = "x") -> Tensor:
        noise = noise or GeneratorNoise(device=self.logits.device, dtype=self.logits.dtype)
        return (noise.uniform(name, self.logits.shape) < self.mean).to(self.logits.dtype)


class Implicit(Likelihood):
    """Pictures that a decoder draws with noise of its own beside z, as generators of adversarial games do: draws without a density.

    ``mean`` is one of the draws, that of the noise which the decoder's forward was given. :class:`~zoo_core.interfaces.Decoder` says
    how another one is drawn.

    Arguments:
        picture: (N, C, H, W) in [0, 1].
    """

    draw: Callable[[Noise, str], Tensor]
    """Another picture, from noise under a name."""

    def __init__(self, picture: Tensor) -> None:
        self._picture = picture

    @property
    def mean(self) -> Tensor:
        return self._picture

    def sample(self, noise: Noise | None = None, name: str = "x") -> Tensor:
        with torch.no_grad():
            return self.rsample(noise, name)

    def rsample(self, noise: Noise | None = None, name: str = "x") -> Tensor:
        return self.draw(noise or GeneratorNoise(device=self._picture.device, dtype=self._picture.dtype), name)


class LikelihoodFamily(nn.Module, ABC):
    """Turns a decoder's output (N, C, H, W), before any squashing, into a likelihood; may have parameters of its own."""

    @abstractmethod
    def forward(self, output: Tensor) -> Likelihood: ...

    @property
    def capabilities(self) -> frozenset[str]:
        """What the likelihoods can do."""
        return frozenset({"likelihood.log_prob"})


class GaussianFamily(LikelihoodFamily):
    """Gaussian units with mean sigmoid(output), in [0, 1], and a learned or fixed σ that does not depend on z."""

    def __init__(self, log_sigma: LogSigma) -> None:
        super().__init__()
        self.log_sigma = log_sigma

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | {"likelihood.rsample"}

    def forward(self, output: Tensor) -> Gaussian:
        return Gaussian(torch.sigmoid(output), self.log_sigma())


class BernoulliFamily(LikelihoodFamily):
    """Bernoulli units with logits = output."""

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | {"likelihood.discrete"}

    def forward(self, output: Tensor) -> Bernoulli:
        return Bernoulli(output)


class ImplicitFamily(LikelihoodFamily):
    """Pictures sigmoid(output) of a decoder that takes noise beside z, without a density."""

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"likelihood.implicit", "likelihood.rsample"})

    def forward(self, output: Tensor) -> Implicit:
        return Implicit(torch.sigmoid(output))


LikelihoodName = Literal["gaussian", "bernoulli", "implicit"]
SigmaSharing = Literal["fixed", "shared", "channel", "unit"]


def likelihood_family(
    name: LikelihoodName,
    image_shape: tuple[int, int, int],
    *,
    sigma: SigmaSharing = "shared",
    initial_log_sigma: float = 0.0,
) -> LikelihoodFamily:
    """The family called ``name`` for images of ``image_shape`` = (C, H, W).

    Arguments:
        sigma: ``fixed``, one ``shared`` σ, one a ``channel``, or one a ``unit`` (pixel and channel), which is the
            paper's choice for discriminative regularization.
        initial_log_sigma: log σ at the start (or for good, with ``fixed``).
    """
    if name == "bernoulli":
        return BernoulliFamily()
    if name == "implicit":
        return ImplicitFamily()
    shapes = {"fixed": (), "shared": (), "channel": (image_shape[0], 1, 1), "unit": image_shape}
    return GaussianFamily(LogSigma(shapes[sigma], initial=initial_log_sigma, learned=sigma != "fixed"))
