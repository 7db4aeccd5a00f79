"""The four posteriors q(z given x), and the families that make them from an encoder's output."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from zoo_core.errors import SeamError
from zoo_core.noise import GeneratorNoise, Noise

if TYPE_CHECKING:
    from zoo_core.interfaces.prior import Prior

LOG_2PI = math.log(2 * math.pi)


def promote(values: Tensor) -> Tensor:
    """``values`` in float32 where they are narrower: densities are computed outside autocast, in full precision."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


class Posterior(ABC):
    """q(z given x) for a batch of N examples; z is (N, latent_dim)."""

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """The code that stands for x, (N, latent_dim), deterministic."""

    @abstractmethod
    def rsample(self, noise: Noise | None = None, name: str = "z") -> Tensor:
        """A draw, (N, latent_dim), with a gradient back to the encoder. Without ``noise``: from the global generator."""

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z given x), (N,), in nats. Only where the family has the capability ``posterior.log_prob``."""
        raise TypeError(f"{type(self).__name__} has no density")

    def kl(self, prior: Prior) -> Tensor:
        """KL(q(z given x) ‖ p(z)), (N,), in nats. Only where the family has the capability ``posterior.kl``."""
        raise TypeError(f"{type(self).__name__} has no closed-form KL divergence")


class Deterministic(Posterior):
    """All mass on one code."""

    def __init__(self, z: Tensor) -> None:
        self._z = z

    @property
    def mean(self) -> Tensor:
        return self._z

    def rsample(self, noise: Noise | None = None, name: str = "z") -> Tensor:
        return self._z


class Label(Deterministic):
    """A point on the simplex: the probabilities softmax(logits), which stand in the code where a one-hot label would.

    Arguments:
        logits: (N, K).
    """

    def __init__(self, logits: Tensor) -> None:
        super().__init__(torch.softmax(logits, dim=-1))
        self.logits = logits


class GaussianPosterior(Posterior):
    """N(μ(x), diag(σ²(x))), drawn by the reparametrisation trick (Kingma and Welling 2013).

    Arguments:
        mean: μ, (N, latent_dim).
        log_sigma: log σ, (N, latent_dim).
    """

    def __init__(self, mean: Tensor, log_sigma: Tensor) -> None:
        self._mean = mean
        self.log_sigma = log_sigma

    @property
    def mean(self) -> Tensor:
        return self._mean

    def rsample(self, noise: Noise | None = None, name: str = "z") -> Tensor:
        noise = noise or GeneratorNoise(device=self._mean.device, dtype=self._mean.dtype)
        epsilon = noise.normal(name, self._mean.shape)
        return torch.addcmul(self._mean, self.log_sigma.exp(), epsilon)

    def log_prob(self, z: Tensor) -> Tensor:
        scaled = (z - self._mean) * torch.exp(-self.log_sigma)
        return -(0.5 * scaled.square() + self.log_sigma).sum(-1) - 0.5 * self._mean.shape[-1] * LOG_2PI

    def kl(self, prior: Prior) -> Tensor:
        return prior.kl_from_gaussian(self._mean, self.log_sigma)


class Implicit(Posterior):
    """The universal approximator of adversarial autoencoders (Makhzani et al. 2016, section 2): noise in, draws out.

    It has draws but no density. ``mean`` is the code at zero noise.

    Arguments:
        draw: noise (N, …) to codes (N, latent_dim).
        noise_shape: the whole shape of that noise.
    """

    def __init__(self, draw: Callable[[Tensor], Tensor], noise_shape: tuple[int, ...], like: Tensor) -> None:
        self._draw = draw
        self._noise_shape = noise_shape
        self._like = like

    @property
    def mean(self) -> Tensor:
        return self._draw(self._like.new_zeros(self._noise_shape))

    def rsample(self, noise: Noise | None = None, name: str = "z") -> Tensor:
        noise = noise or GeneratorNoise(device=self._like.device, dtype=self._like.dtype)
        return self._draw(noise.normal(name, self._noise_shape))


class Joint(Posterior):
    """Independent named latents side by side, for instance a label y and a style z; the code is their concatenation.

    Arguments:
        latents: name to posterior, in the order in which their codes are joined.
    """

    def __init__(self, latents: Mapping[str, Posterior]) -> None:
        self.latents = dict(latents)

    @property
    def mean(self) -> Tensor:
        return torch.cat([latent.mean for latent in self.latents.values()], dim=-1)

    def rsample(self, noise: Noise | None = None, name: str = "z") -> Tensor:
        draws = [latent.rsample(noise, f"{name}:{own}") for own, latent in self.latents.items()]
        return torch.cat(draws, dim=-1)


CodeSide = Literal["code", "label", "style"]
"""The whole code, or of a ``joint`` one the categories in front or the numbers behind them."""


@dataclass(frozen=True)
class PosteriorFamily:
    """What an encoder's last layer has to give, and the posterior that is made of it.

    Arguments:
        name: ``deterministic``, ``gaussian``, ``implicit`` or ``joint``.
        latent_dim: width of z, the joined width for ``joint``.
        width: how many numbers an example the encoder's ``forward`` gives.
        noise_channels: extra noise planes that ``forward`` takes beside x (``implicit`` only, else 0).
        categories: width of the label y at the front of a ``joint`` code.
        capabilities: what the posteriors can do, as :class:`zoo_core.interfaces.Objective` asks for it.
    """

    name: str
    latent_dim: int
    width: int
    capabilities: frozenset[str]
    noise_channels: int = 0
    categories: int = 0

    def __call__(self, statistics: Tensor) -> Posterior:
        """The posterior for an encoder's output (N, width); not for ``implicit``, whose draws the encoder makes itself."""
        if self.name == "gaussian":
            mean, log_sigma = statistics.chunk(2, dim=-1)
            # σ within e^±7: a first batch far out must not overflow exp.
            return GaussianPosterior(mean, 7.0 * torch.tanh(log_sigma / 7.0))
        if self.name == "joint":
            y, z = statistics.split([self.categories, self.width - self.categories], dim=-1)
            return Joint({"y": Label(y), "z": Deterministic(z)})
        return Deterministic(statistics)

    def columns(self, side: CodeSide, setting: str = "latent") -> slice:
        """The columns of z (N, latent_dim) that are one side of it.

        Arguments:
            setting: what the user types to choose the side, for the error.

        Raises:
            SeamError: a side of codes that have none.
        """
        if side == "code":
            return slice(0, self.latent_dim)
        if not self.categories:
            raise SeamError(
                f"{setting}={side} takes a side of a joint code, and the encoder's codes have no sides",
                hint=f"{setting}=code takes the whole code",
            )
        return slice(0, self.categories) if side == "label" else slice(self.categories, self.latent_dim)


PosteriorName = Literal["gaussian", "deterministic", "implicit", "joint"]


def posterior_family(
    name: PosteriorName, latent_dim: int, *, noise_channels: int = 1, categories: int = 0
) -> PosteriorFamily:
    """The family called ``name`` for codes of ``latent_dim`` numbers.

    Arguments:
        noise_channels: planes of noise that an ``implicit`` encoder takes beside x.
        categories: width of the label y of a ``joint`` code; ``latent_dim`` counts it.

    Raises:
        ValueError: a ``joint`` family without room for a label and a style.
    """
    if name == "gaussian":
        return PosteriorFamily(name, latent_dim, 2 * latent_dim, frozenset({"posterior.kl", "posterior.log_prob"}))
    if name == "implicit":
        return PosteriorFamily(
            name, latent_dim, latent_dim, frozenset({"posterior.implicit"}), noise_channels=noise_channels
        )
    if name == "joint":
        if not 0 < categories < latent_dim:
            raise ValueError(
                f"a joint code needs at least one category and a style of at least one number beside them: "
                f"0 < categories < latent_dim, which counts both; got categories={categories} and latent_dim={latent_dim}"
            )
        return PosteriorFamily(name, latent_dim, latent_dim, frozenset({"posterior.joint"}), categories=categories)
    return PosteriorFamily(name, latent_dim, latent_dim, frozenset({"posterior.deterministic"}))
