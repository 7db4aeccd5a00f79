"""Checks of priors: draws, densities and divergences."""

from __future__ import annotations

from typing import cast

import torch

from zoo_core.errors import ZooError, shown
from zoo_core.interfaces import Prior
from zoo_core.noise import GeneratorNoise, KeyedNoise
from zoo_core.registry.parameter import parameters
from zoo_core.testing.capabilities import refuse_other_mass, require_shape
from zoo_core.testing.determinism import global_generators_untouched
from zoo_core.testing.results import CheckFailed, CheckSkipped
from zoo_core.testing.subject import Subject

DRAWS = 20_000


def _noise(seed: int) -> GeneratorNoise:
    return GeneratorNoise(torch.Generator().manual_seed(seed))


def _sample(prior: Prior, n: int, seed: int) -> torch.Tensor:
    """``n`` draws, with labels for a prior that takes them."""
    y = torch.arange(n) % 10 if "labels" in prior.capabilities else None
    return prior.sample(n, KeyedNoise(seed, 0), y)


def check_prior_draws(subject: Subject) -> None:
    """1 and 7 draws have the shape (n, latent_dim), depend on the given noise alone, and differ for other noise."""
    prior = cast(Prior, subject.part())
    for n in (1, 7):
        require_shape("a draw", _sample(prior, n, 0), (n, prior.latent_dim))
    with global_generators_untouched("a draw"):
        first, second, other = (_sample(prior, 7, seed) for seed in (0, 0, 1))
    if not torch.equal(first, second):
        raise CheckFailed(
            "the same draw from the same noise", found="another", do="draw from noise.normal(name, shape)"
        )
    if torch.equal(first, other):
        raise CheckFailed("other draws from other noise", found="the same", do="draw from noise.normal(name, shape)")


def check_prior_density(subject: Subject) -> None:
    """Where said, ``log_prob`` is finite, of shape (N,), with a gradient to z; tagged ``density`` it integrates to 1."""
    prior = cast(Prior, subject.part())
    if "prior.log_prob" not in prior.capabilities:
        return
    z = _sample(prior, 7, 0).detach().requires_grad_()
    log_prob = prior.log_prob(z)
    require_shape("log_prob(z)", log_prob, (7,))
    if not log_prob.requires_grad:
        raise CheckFailed("a log_prob with a gradient to z", found="a detached one")
    if not subject.tags.density or "latent_dim" not in parameters(subject.component):
        return
    try:
        narrow = cast(Prior, subject.fresh(settings={"latent_dim": 1}))
    except (ZooError, ValueError) as error:
        raise CheckSkipped(f"it takes no latent_dim=1: {shown(error, 500)}") from None
    with torch.no_grad():
        refuse_other_mass(narrow.log_prob, _sample(narrow, 500, 0))


def check_prior_divergence(subject: Subject) -> None:
    """Where said, ``kl_from_gaussian`` is of shape (N,), not negative, and agrees with what log_prob says of draws."""
    prior = cast(Prior, subject.part())
    if "prior.kl" not in prior.capabilities:
        return
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(5, prior.latent_dim, generator=generator)
    log_sigma = 0.3 * torch.randn(5, prior.latent_dim, generator=generator)
    with torch.no_grad():
        kl = prior.kl_from_gaussian(mean, log_sigma)
        require_shape("kl_from_gaussian(mean, log_sigma)", kl, (5,))
        if kl.min() < -1e-4:
            raise CheckFailed("a divergence of at least 0", found=f"{kl.min():.3g}")
        if "prior.log_prob" not in prior.capabilities:
            return
        epsilon = torch.randn(DRAWS // 10, 5, prior.latent_dim, generator=generator)
        z = mean + log_sigma.exp() * epsilon
        own = (-0.5 * epsilon.square() - log_sigma).sum(-1) - 0.5 * prior.latent_dim * 1.8378770664093453
        ratios = own - prior.log_prob(z.flatten(0, 1)).view(own.shape)
    estimate, error = ratios.mean(0), ratios.std(0) / len(ratios) ** 0.5
    if ((kl - estimate).abs() > 6 * error + 1e-3 * kl.abs() + 1e-3).any():
        raise CheckFailed(
            "kl_from_gaussian to be E[log q(z) − log p(z)]",
            found=f"{kl[0]:.4g} where draws say {estimate[0]:.4g}",
            do="mind constants and which of the two distributions comes first",
        )
