"""The importance-sampling estimate against models whose likelihood is known exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal
from zoo_basics.metrics.elbo import ELBOMetric
from zoo_basics.metrics.nll import NLL
from zoo_basics.priors.gaussian import GaussianPrior

from zoo_core.distributions import Gaussian, posterior_family
from zoo_core.distributions.likelihoods import LikelihoodFamily
from zoo_core.interfaces import Batch, Decoder, Encoder

SHAPE, LATENTS, SIGMA = (1, 3, 4), 2, 0.5
D = 12


class PlainGaussian(LikelihoodFamily):
    """N(output, σ²), without squashing."""

    def forward(self, output: Tensor) -> Gaussian:
        return Gaussian(output, torch.tensor(SIGMA).log())


class LinearDecoder(Decoder):
    """x = W z + ε."""

    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.image_shape, self.latent_dim, self.family, self.w = SHAPE, LATENTS, PlainGaussian(), w
        self.largest = 0

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        self.largest = max(self.largest, len(z))
        return (z @ self.w.T).view(-1, *SHAPE)


class LinearEncoder(Encoder):
    """N(A x, s² diag of the exact posterior): exact for s = 1 and a W with orthogonal columns."""

    def __init__(self, w: Tensor, widening: float) -> None:
        super().__init__()
        self.image_shape, self.family = SHAPE, posterior_family("gaussian", LATENTS)
        covariance = torch.linalg.inv(torch.eye(LATENTS) + w.T @ w / SIGMA**2)
        self.a = covariance @ w.T / SIGMA**2
        self.log_sigma = (covariance.diagonal().sqrt() * widening).log()

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        mean = x.flatten(1) @ self.a.T
        # The family squashes log σ by 7 tanh(·/7); undone here.
        return torch.cat([mean, (7 * torch.atanh(self.log_sigma / 7)).expand_as(mean)], dim=1)


def linear_model(model_of: Callable[..., Any], widening: float) -> tuple[Any, Tensor, float]:
    """The model, data drawn from it, and their exact −log p(x) in nats per dimension."""
    w = torch.linalg.qr(torch.randn(D, LATENTS))[0] * torch.tensor([1.5, 0.7])
    parts = {
        "encoder": LinearEncoder(w, widening),
        "decoder": LinearDecoder(w),
        "prior": GaussianPrior(latent_dim=LATENTS),
    }
    model = model_of(SHAPE, **parts)
    marginal = MultivariateNormal(torch.zeros(D), w @ w.T + SIGMA**2 * torch.eye(D))
    x = marginal.sample((50,))
    return model, x.view(-1, *SHAPE), -marginal.log_prob(x).mean().item() / D


def nll(model: Any, x: Tensor, **settings: int) -> float:
    (figure,) = NLL(**settings)(model, [Batch(x[:30]), Batch(x[30:])], torch.Generator().manual_seed(0))
    return figure.value


def test_one_draw_from_the_exact_posterior_gives_the_exact_likelihood(model_of: Callable[..., Any]) -> None:
    model, x, exact = linear_model(model_of, widening=1.0)
    assert nll(model, x, draws=1) == pytest.approx(exact, abs=1e-4)


def test_a_wrong_posterior_is_corrected_by_the_weights(model_of: Callable[..., Any]) -> None:
    model, x, exact = linear_model(model_of, widening=1.6)
    assert nll(model, x, draws=100) == pytest.approx(exact, abs=0.02)
    assert nll(model, x, draws=2000) == pytest.approx(exact, abs=0.003)
    elbo = ELBOMetric(draws=100)(model, [Batch(x)], torch.Generator().manual_seed(0))[0].value
    # The bound is loose by the posterior's error, which importance sampling makes up for.
    assert -elbo > exact + 0.03


@pytest.mark.parametrize("chunk", [1, 7, 60, 1000])
def test_memory_is_bounded_by_the_chunk_and_the_estimate_is_not(model_of: Callable[..., Any], chunk: int) -> None:
    model, x, exact = linear_model(model_of, widening=1.2)
    assert nll(model, x, draws=60, chunk=chunk) == pytest.approx(exact, abs=0.02)
    assert model.parts["decoder"].largest <= chunk


def test_far_out_examples_do_not_overflow(model_of: Callable[..., Any]) -> None:
    model, x, _ = linear_model(model_of, widening=1.0)
    far = x + 1000
    assert nll(model, far, draws=3) > 1e5
