"""Priors against numerical integrals, scipy and their own percentiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest, multivariate_normal
from zoo_aae.priors.categorical_gaussian import CategoricalGaussian
from zoo_aae.priors.gaussian_mixture import GaussianMixture
from zoo_aae.priors.swiss_roll import SwissRoll
from zoo_basics.priors.uniform import Uniform

from zoo_core.interfaces import Prior
from zoo_core.noise import GeneratorNoise

N = 20_000


def noise(seed: int = 0) -> GeneratorNoise:
    return GeneratorNoise(torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_mixture_s_density_is_scipy_s_and_integrates_to_one() -> None:
    prior = GaussianMixture(components=5, radius=3.0, long=0.8, short=0.2)
    z = prior.sample(200, noise())
    expected = np.zeros(200)
    for k in range(5):
        angle = 2 * math.pi * k / 5
        along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
        covariance = 0.64 * np.outer(along, along) + 0.04 * np.outer(across, across)
        expected += multivariate_normal(3.0 * along, covariance).pdf(z.numpy()) / 5
    np.testing.assert_allclose(prior.log_prob(z).numpy(), np.log(expected), rtol=1e-9)
    axis = torch.linspace(-8, 8, 801, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    assert prior.log_prob(grid).exp().sum().item() * 0.02**2 == pytest.approx(1, abs=1e-6)


def test_a_component_lies_where_its_number_says_and_is_stretched_away_from_the_centre() -> None:
    prior = GaussianMixture(components=4, radius=3.0, long=0.8, short=0.2)
    z = prior.sample(N, noise(), torch.full((N,), 1))
    torch.testing.assert_close(z.mean(0), torch.tensor([0.0, 3.0], dtype=torch.float64), atol=0.03, rtol=0)
    torch.testing.assert_close(z.std(0), torch.tensor([0.2, 0.8], dtype=torch.float64), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    "prior", [GaussianMixture(), SwissRoll(), CategoricalGaussian()], ids=lambda p: type(p).__name__
)
def test_an_unknown_label_draws_from_the_whole_prior(prior: Prior) -> None:
    whole = prior.sample(50, noise(3))
    assert torch.equal(prior.sample(50, noise(3), torch.full((50,), -1)), whole)
    y = torch.full((50,), -1)
    y[::2] = 4
    mixed = prior.sample(50, noise(3), y)
    assert torch.equal(mixed[1::2], whole[1::2]) and not torch.equal(mixed[::2], whole[::2])


@pytest.mark.parametrize(
    "prior", [GaussianMixture(), SwissRoll(), Uniform(latent_dim=2, bound=3.0)], ids=lambda p: type(p).__name__
)
@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.6, 0.8), (0.0, 1.0)])
def test_uniform_percentiles_are_distributed_as_draws(prior: Prior, direction: tuple[float, float]) -> None:
    u = torch.rand(N, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).clamp(1e-9, 1 - 1e-9)
    onto = torch.tensor(direction, dtype=torch.float64)
    drawn, placed = prior.sample(N, noise()) @ onto, prior.from_percentiles(u) @ onto
    assert kstest(drawn.numpy(), placed.numpy()).pvalue > 1e-3


def test_the_swiss_roll_is_even_along_its_length_and_as_thick_as_asked() -> None:
    prior = SwissRoll(radius=6.0, turns=2.0, std=0.2)
    t = torch.linspace(0, 1, 20_001, dtype=torch.float64)
    middle = prior.from_percentiles(torch.stack([t, torch.full_like(t, 0.5)], dim=1))
    steps = (middle[1:] - middle[:-1]).norm(dim=1)
    late = steps[2_000:]  # all but the first tenth, where the spiral begins
    assert late.max() / late.min() < 1.35
    torch.testing.assert_close(middle[-1].norm(), torch.tensor(6.0, dtype=torch.float64))
    above = prior.from_percentiles(torch.stack([t[1:-1], torch.full_like(t[1:-1], 0.8413447460685429)], dim=1))
    offset = above - middle[1:-1]
    torch.testing.assert_close(offset.norm(dim=1), torch.full_like(t[1:-1], 0.2), rtol=1e-6, atol=0)
    along = middle[2:] - middle[:-2]
    cosine = (offset * along).sum(1) / (offset.norm(dim=1) * along.norm(dim=1))
    assert cosine[100:].abs().max() < 1e-3


def test_a_class_is_its_stretch_of_the_roll() -> None:
    prior = SwissRoll(std=1e-6)
    z = prior.sample(2_000, noise(), torch.full((2_000,), 3))
    position = (z.norm(dim=1) / prior.radius).square()
    assert position.min() >= 0.3 - 1e-4 and position.max() <= 0.4 + 1e-4
    assert kstest((position.numpy() - 0.3) * 10, "uniform").pvalue > 1e-3


def test_a_categorical_draw_is_one_hot_and_its_style_is_gaussian() -> None:
    prior = CategoricalGaussian(latent_dim=13, categories=10, std=2.0)
    z = prior.sample(N, noise())
    label, style = z[:, :10], z[:, 10:]
    assert torch.equal(label.sum(1), torch.ones(N, dtype=torch.float64)) and set(label.unique().tolist()) == {0.0, 1.0}
    assert (label.sum(0) / N - 0.1).abs().max() < 0.01
    assert kstest(style.flatten().numpy() / 2, "norm").pvalue > 1e-3
    asked = torch.arange(20) % 10
    assert torch.equal(prior.sample(20, noise(), asked)[:, :10].argmax(1), asked)


def test_the_categories_are_classes_only_where_said() -> None:
    assert "labels" not in CategoricalGaussian().capabilities
    assert "labels" in CategoricalGaussian(conditional=True).capabilities


def test_a_code_without_room_for_a_style_is_refused() -> None:
    with pytest.raises(ValueError, match="needs room for a style"):
        CategoricalGaussian(latent_dim=10, categories=10)
