"""Posteriors q(z given x), and the families that make them from an encoder's output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, TypeAlias

import torch
from annotated_types import Gt, Le
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from zoo_core.distributions.log_sigma import log_sigma_within
from zoo_core.distributions.posterior import GaussianPosterior, Posterior
from zoo_core.distributions.standardised import Standardised, spread
from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.noise import GeneratorNoise, Noise

SigmaBounds: TypeAlias = tuple[Annotated[float, Gt(0), Le(1000)], Annotated[float, Gt(0), Le(1000)]] | None
"""The interval that the σ of a posterior lies in; None leaves it to the family."""

MOMENTUM = 0.1
"""How far a posterior in train mode moves the running statistics of a standardised family, as in batch norm."""


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


class PosteriorFamily(nn.Module, ABC):
    """What an encoder's last layer has to give, and the posterior that is made of it; may have running statistics of its own.

    Arguments:
        name: ``deterministic``, ``gaussian``, ``standardised``, ``implicit`` or ``joint``.
        latent_dim: width of z, the joined width for ``joint``.
        width: how many numbers an example the encoder's ``forward`` gives.
        capabilities: what the posteriors can do, as :class:`zoo_core.interfaces.Objective` asks for it.
        noise_channels: extra noise planes that ``forward`` takes beside x (``implicit`` only, else 0).
        categories: width of the label y at the front of a ``joint`` code.
    """

    def __init__(
        self,
        name: str,
        latent_dim: int,
        width: int,
        capabilities: frozenset[str],
        *,
        noise_channels: int = 0,
        categories: int = 0,
    ) -> None:
        super().__init__()
        self.name = name
        self.latent_dim = latent_dim
        self.width = width
        self.capabilities = capabilities
        self.noise_channels = noise_channels
        self.categories = categories

    @abstractmethod
    def forward(self, statistics: Tensor) -> Posterior:
        """The posterior for an encoder's output (N, width); for ``implicit``, whose draws the encoder makes itself, one draw."""

    def columns(self, side: CodeSide, setting: str = "latent") -> slice:
        """The columns of z (N, latent_dim) that are one side of it.

        Arguments:
            setting: what the user types to choose the side, for the error.

        Raises:
            IncompatibleError: a side of codes that have none.
        """
        if side == "code":
            return slice(0, self.latent_dim)
        if not self.categories:
            raise IncompatibleError(
                f"{setting}={side} takes a side of a joint code, and the encoder's codes have no sides",
                hint=f"{setting}=code takes the whole code",
            )
        return slice(0, self.categories) if side == "label" else slice(self.categories, self.latent_dim)


class PointFamily(PosteriorFamily):
    """All mass on the encoder's output: ``deterministic``, and each draw of an ``implicit`` encoder."""

    def forward(self, statistics: Tensor) -> Posterior:
        return Deterministic(statistics)


class GaussianFamily(PosteriorFamily):
    """μ and log σ beside each other.

    Arguments:
        sigma_bounds: σ lies between these two; None is e^±7.
    """

    def __init__(self, latent_dim: int, sigma_bounds: SigmaBounds = None) -> None:
        super().__init__("gaussian", latent_dim, 2 * latent_dim, frozenset({"posterior.kl", "posterior.log_prob"}))
        self.sigma_bounds = sigma_bounds

    def forward(self, statistics: Tensor) -> Posterior:
        mean, free = statistics.chunk(2, dim=-1)
        if self.sigma_bounds is not None:
            return GaussianPosterior(mean, log_sigma_within(free, *self.sigma_bounds))
        # σ within e^±7: a first batch far out must not overflow exp.
        return GaussianPosterior(mean, 7.0 * torch.tanh(free / 7.0))


class StandardisedFamily(PosteriorFamily):
    """Gaussian draws, standardised over the batch in train mode and by running statistics in eval mode; see :class:`Standardised`.

    The running statistics are moved by a tenth with each posterior that is made in train mode. In eval mode an example's posterior does
    not depend on the others: it is the Gaussian, moved and scaled.

    Arguments:
        sigma_bounds: σ before it lies between these two; None is sigmoid(s), between 0 and 1.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, latent_dim: int, sigma_bounds: SigmaBounds = None) -> None:
        super().__init__("standardised", latent_dim, 2 * latent_dim, frozenset({"posterior.standardised"}))
        self.sigma_bounds = sigma_bounds
        self.register_buffer("running_mean", torch.zeros(latent_dim))
        self.register_buffer("running_var", torch.ones(latent_dim))

    def forward(self, statistics: Tensor) -> Posterior:
        mean, free = statistics.chunk(2, dim=-1)
        log_sigma = logsigmoid(free) if self.sigma_bounds is None else log_sigma_within(free, *self.sigma_bounds)
        if self.training:
            posterior = Standardised(GaussianPosterior(mean, log_sigma))
            self._follow(posterior)
            return posterior
        scale = spread(self.running_var)
        return GaussianPosterior((mean - self.running_mean) / scale, log_sigma - scale.log())

    @torch.no_grad()
    def _follow(self, posterior: Standardised) -> None:
        centre, variance = posterior.moments()
        self.running_mean.lerp_(centre.to(self.running_mean), MOMENTUM)
        self.running_var.lerp_(variance.to(self.running_var), MOMENTUM)


class JointFamily(PosteriorFamily):
    """The logits of a label, then a style.

    Raises:
        ValueError: no room for a label and a style.
    """

    def __init__(self, latent_dim: int, categories: int) -> None:
        if not 0 < categories < latent_dim:
            raise ValueError(
                f"a joint code needs at least one category and a style of at least one number beside them: "
                f"0 < categories < latent_dim, which counts both; got categories={categories} and latent_dim={latent_dim}"
            )
        super().__init__("joint", latent_dim, latent_dim, frozenset({"posterior.joint"}), categories=categories)

    def forward(self, statistics: Tensor) -> Posterior:
        y, z = statistics.split([self.categories, self.width - self.categories], dim=-1)
        return Joint({"y": Label(y), "z": Deterministic(z)})


PosteriorName = Literal["gaussian", "standardised", "deterministic", "implicit", "joint"]


def posterior_family(
    name: PosteriorName,
    latent_dim: int,
    *,
    noise_channels: int = 1,
    categories: int = 0,
    sigma_bounds: SigmaBounds = None,
) -> PosteriorFamily:
    """The family called ``name`` for codes of ``latent_dim`` numbers.

    Arguments:
        noise_channels: planes of noise that an ``implicit`` encoder takes beside x.
        categories: width of the label y of a ``joint`` code; ``latent_dim`` counts it.
        sigma_bounds: the interval (low, high) that σ lies in, for ``gaussian`` and ``standardised``.

    Raises:
        ValueError: a ``joint`` family without room for a label and a style.
        SettingError: ``sigma_bounds`` for codes without a σ, or in the wrong order.
    """
    if sigma_bounds is not None:
        refuse_bounds(name, *sigma_bounds)
    match name:
        case "gaussian":
            return GaussianFamily(latent_dim, sigma_bounds)
        case "standardised":
            return StandardisedFamily(latent_dim, sigma_bounds)
        case "joint":
            return JointFamily(latent_dim, categories)
        case "implicit":
            capabilities = frozenset({"posterior.implicit"})
            return PointFamily(name, latent_dim, latent_dim, capabilities, noise_channels=noise_channels)
        case "deterministic":
            return PointFamily(name, latent_dim, latent_dim, frozenset({"posterior.deterministic"}))


def refuse_bounds(name: PosteriorName, low: float, high: float) -> None:
    """Refuse bounds of σ that cannot hold.

    Raises:
        SettingError: codes of the posterior ``name`` have no σ, or ``low`` is not below ``high``.
    """
    if name not in ("gaussian", "standardised"):
        raise SettingError(
            f"sigma_bounds: bounds the σ of a gaussian or standardised posterior, and a posterior that is {name} has none",
            hint="leave sigma_bounds out, or choose posterior=gaussian",
        )
    if low >= high:
        raise SettingError(
            f"sigma_bounds: should be [low, high] with low below high, got [{low}, {high}]",
            hint="for instance [0.01, 1]",
        )
