"""Likelihoods and posteriors against closed forms and torch.distributions."""

from __future__ import annotations

import pytest
import torch

from zoo_core import build
from zoo_core.building.compatibility import check_capabilities
from zoo_core.distributions import Bernoulli, Gaussian, likelihood_family
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Labels, Need
from zoo_core.noise import KeyedNoise

SHAPE = (2, 3, 4)


def test_draws_of_gaussian_units_have_the_gradient_of_the_reparametrisation() -> None:
    mean = torch.rand(5, *SHAPE, dtype=torch.float64, requires_grad=True)
    log_sigma = torch.full(SHAPE, -0.7, dtype=torch.float64, requires_grad=True)
    likelihood, noise = Gaussian(mean, log_sigma), KeyedNoise(0, 3, dtype=torch.float64)
    weight, epsilon = torch.rand(5, *SHAPE, dtype=torch.float64), noise.normal("x", (5, *SHAPE))
    draw = likelihood.rsample(noise)
    for_mean, for_log_sigma = torch.autograd.grad((draw * weight).sum(), [mean, log_sigma])
    assert torch.allclose(for_mean, weight, rtol=0, atol=1e-12)
    assert torch.allclose(for_log_sigma, (weight * epsilon * log_sigma.exp()).sum(0), rtol=0, atol=1e-12)
    assert torch.equal(likelihood.sample(noise), draw.detach()) and not likelihood.sample(noise).requires_grad


def test_draws_of_gaussian_units_are_distributed_as_said() -> None:
    likelihood = Gaussian(torch.full((20_000, 1, 1, 2), 0.3), torch.tensor(-1.0))
    draws = likelihood.rsample(KeyedNoise(0, 0)).flatten()
    other = torch.distributions.Normal(0.3, torch.tensor(-1.0).exp())
    assert abs(other.cdf(draws).mean() - 0.5) < 0.01 and abs(draws.std() - other.stddev) < 0.01


def test_bernoulli_units_have_no_draws_with_a_gradient() -> None:
    assert "likelihood.rsample" in likelihood_family("gaussian", SHAPE).capabilities
    assert "likelihood.rsample" not in likelihood_family("bernoulli", SHAPE).capabilities
    with pytest.raises(TypeError, match="Bernoulli has no draws with a gradient"):
        Bernoulli(torch.zeros(1, *SHAPE)).rsample()


def test_an_objective_that_asks_for_them_is_refused_when_the_model_is_built() -> None:
    needs = {"decoder": Need("decoder", frozenset({"likelihood.rsample"}))}
    for likelihood, fits in (("gaussian", True), ("bernoulli", False)):
        model = build("vae", image_shape=(1, 8, 8), labels=Labels(), decoder={"likelihood": likelihood})
        parts = {"decoder": model.parts["decoder"]}
        if fits:
            check_capabilities("objective", needs, parts, {"decoder": "mlp"})  # type: ignore[arg-type]
        else:
            with pytest.raises(IncompatibleError, match=r"needs \"likelihood.rsample\" of part \"decoder\""):
                check_capabilities("objective", needs, parts, {"decoder": "mlp"})  # type: ignore[arg-type]
