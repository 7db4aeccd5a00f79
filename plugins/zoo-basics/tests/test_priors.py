"""The Gaussian prior against torch.distributions."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence
from zoo_basics.priors.gaussian import GaussianPrior

from zoo_core.noise import GeneratorNoise


@pytest.mark.parametrize("std", [1.0, 0.3, 2.5])
def test_density_and_divergence_are_those_of_torch_distributions(std: float) -> None:
    prior = GaussianPrior(latent_dim=6, std=std)
    mean, log_sigma, z = torch.randn(4, 6), torch.randn(4, 6), torch.randn(4, 6)
    p = Independent(Normal(torch.zeros(6), torch.full((6,), std)), 1)
    q = Independent(Normal(mean, log_sigma.exp()), 1)
    assert torch.allclose(prior.log_prob(z), p.log_prob(z), rtol=1e-5)
    assert torch.allclose(prior.kl_from_gaussian(mean, log_sigma), kl_divergence(q, p), rtol=1e-5)


def test_divergence_from_itself_is_zero() -> None:
    prior = GaussianPrior(latent_dim=3, std=0.5)
    at_prior = prior.kl_from_gaussian(torch.zeros(1, 3), torch.full((1, 3), 0.5).log())
    assert at_prior.abs().max() < 1e-6


def test_draws_have_the_priors_spread_and_repeat_with_the_seed() -> None:
    prior = GaussianPrior(latent_dim=50, std=3.0)
    draws = prior.sample(2000, GeneratorNoise(torch.Generator().manual_seed(3)))
    again = prior.sample(2000, GeneratorNoise(torch.Generator().manual_seed(3)))
    assert draws.shape == (2000, 50)
    assert torch.equal(draws, again)
    assert draws.std().item() == pytest.approx(3.0, rel=0.01)
    assert abs(draws.mean().item()) < 0.05
