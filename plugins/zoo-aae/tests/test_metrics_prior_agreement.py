"""Agreement of codes with the prior: MMD against a double loop, classifiers on sets that are known to agree or not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from zoo_aae.metrics.mmd import median_distance, squared_mmd
from zoo_aae.metrics.prior_agreement import PriorAgreement
from zoo_aae.metrics.two_sample import two_sample_accuracy

import zoo_core as zoo
from zoo_core.distributions import posterior_family
from zoo_core.errors import DataError, IncompatibleError
from zoo_core.interfaces import Batch, Encoder, Labels, MetricResult
from zoo_core.model import Model
from zoo_core.noise import Noise
from zoo_core.testing.surroundings import PlainPrior, plain_model


class PixelsAreStatistics(Encoder):
    """An image is what the posterior is made from."""

    def __init__(self, posterior: str, latent_dim: int, categories: int = 0) -> None:
        super().__init__()
        self.family = posterior_family(posterior, latent_dim, categories=categories)
        self.image_shape = (1, 1, self.family.width)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return x.flatten(1)


class LabelsAlone(PlainPrior):
    """A prior that takes labels: without any, N(0, I); with some, far away from it."""

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"labels"})

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        return super().sample(n, noise, None, name) + (0 if y is None else 100)


def model_of(encoder: PixelsAreStatistics, prior: PlainPrior | None = None) -> Model:
    prior = prior or PlainPrior(encoder.latent_dim)
    return plain_model({"encoder": encoder, "prior": prior}, encoder.image_shape, Labels())


def images(statistics: Tensor) -> list[Batch]:
    """In uneven batches."""
    x = statistics[:, None, None, :]
    return [Batch(x[:7]), Batch(x[7:])]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def figures(model: Model, batches: list[Batch], **params: object) -> dict[str, MetricResult]:
    given = PriorAgreement(**params)(model, batches, torch.Generator().manual_seed(5))
    return {figure.name: figure for figure in given}


# ------------------------------------------------------------------------------------------------ MMD


def test_mmd_is_the_double_loop() -> None:
    a, b, h = normal(9, 3), normal(7, 3, seed=1) + 0.5, 1.3

    def k(u: Tensor, v: Tensor) -> float:
        return math.exp(-sum((p - q) ** 2 for p, q in zip(u.tolist(), v.tolist())) / (2 * h * h))

    within_a = sum(k(u, v) for i, u in enumerate(a) for j, v in enumerate(a) if i != j) / (9 * 8)
    within_b = sum(k(u, v) for i, u in enumerate(b) for j, v in enumerate(b) if i != j) / (7 * 6)
    between = sum(k(u, v) for u in a for v in b) / (9 * 7)
    assert squared_mmd(a, b, h) == pytest.approx(within_a + within_b - 2 * between, abs=1e-12)


def test_mmd_is_the_same_in_several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = normal(50, 2), normal(60, 2, seed=1) * 2
    whole = squared_mmd(a, b, 1.0)
    monkeypatch.setattr("zoo_aae.metrics.mmd.ROWS_AT_ONCE", 7)
    assert squared_mmd(a, b, 1.0) == pytest.approx(whole, abs=1e-13)


def test_mmd_is_unbiased_and_has_the_closed_form_of_two_gaussians() -> None:
    def expected(shift: float, h: float = 1.0) -> float:
        # E k(u, v) for u − v ~ N(shift, 2) is √(h²/(h²+2)) exp(−shift²/(2 (h²+2))).
        return 2 * math.sqrt(h**2 / (h**2 + 2)) * (1 - math.exp(-(shift**2) / (2 * (h**2 + 2))))

    for shift in (0.0, 1.0):
        estimates = [squared_mmd(normal(60, 1, seed=i), normal(60, 1, seed=1000 + i) + shift, 1.0) for i in range(300)]
        error = np.std(estimates) / math.sqrt(len(estimates))
        assert np.mean(estimates) == pytest.approx(expected(shift), abs=4 * error)
        assert error < 0.01 < expected(1.0)


def test_the_median_distance_is_among_all_pairs() -> None:
    a, b = normal(5, 2), normal(6, 2, seed=1)
    both = torch.cat([a, b]).numpy()
    pairs = [float(np.linalg.norm(both[i] - both[j])) for i in range(11) for j in range(i)]
    assert median_distance(a, b) == pytest.approx(float(np.median(pairs)), rel=1e-6)
    assert median_distance(torch.zeros(3, 2), torch.zeros(3, 2)) == 1.0


# ------------------------------------------------------------------------------------------------ classifiers


@pytest.mark.parametrize("classifier", ["mlp", "knn"])
def test_a_classifier_tells_apart_what_differs_and_nothing_else(classifier: str) -> None:
    a, b, same = normal(800, 2), normal(800, 2, seed=1) + torch.tensor([3.0, 0]), normal(800, 2, seed=2)
    # The best possible classifier of two Gaussians three apart is right with probability Φ(1.5).
    assert two_sample_accuracy(classifier, a, b, 0).percent == pytest.approx(93.3, abs=4)
    assert two_sample_accuracy(classifier, a, same, 0).percent == pytest.approx(50, abs=6)


def test_scale_does_not_hide_a_difference() -> None:
    scale = torch.tensor([1000.0, 1e-3])  # the two differ in the small coordinate only
    a, b = normal(600, 2) * scale, (normal(600, 2, seed=1) + torch.tensor([0, 3.0])) * scale
    assert two_sample_accuracy("knn", a, b, 0).percent > 88


def test_the_standard_error_is_that_of_a_share_of_the_tested_points() -> None:
    accuracy = two_sample_accuracy("knn", normal(100, 2), normal(100, 2, seed=1), 0)
    share = accuracy.percent / 100
    assert accuracy.standard_error == pytest.approx(100 * math.sqrt(share * (1 - share) / 100))


# ------------------------------------------------------------------------------------------------ the metric


def test_codes_that_are_draws_of_the_prior_agree_and_others_do_not() -> None:
    model = model_of(PixelsAreStatistics("deterministic", 3))
    agreeing = figures(model, images(normal(800, 3)))
    narrow = figures(model, images(0.2 * normal(800, 3)))
    for name in ("two-sample-mlp", "two-sample-knn"):
        assert agreeing[name].value < 57
        assert narrow[name].value > 75
        assert narrow[f"{name}-control"].value < 57
        assert agreeing[name].protocol["fitted"] == agreeing[name].protocol["tested"] == 800
    assert abs(agreeing["mmd"].value) < 0.01 < 0.05 < narrow["mmd"].value
    assert abs(narrow["mmd-control"].value) < 0.01


def test_codes_of_a_stochastic_posterior_are_draws_not_means() -> None:
    # Means are all 0; draws are N(0, I), as the prior.
    model = model_of(PixelsAreStatistics("gaussian", 3))
    got = figures(model, images(torch.zeros(600, 6)))
    assert got["two-sample-knn"].value < 58
    assert abs(got["mmd"].value) < 0.01


def test_a_prior_with_labels_draws_them_itself() -> None:
    model = model_of(PixelsAreStatistics("deterministic", 3), LabelsAlone(3))
    assert figures(model, images(normal(400, 3)))["two-sample-knn"].value < 60


def test_a_side_of_a_joint_code_is_compared_alone() -> None:
    # The prior of the label is N(0, I) here, which no probability is; the style agrees.
    model = model_of(PixelsAreStatistics("joint", 4, categories=2))
    batches = images(normal(400, 4))
    assert figures(model, batches, latent="style")["two-sample-knn"].value < 60
    assert figures(model, batches, latent="label")["two-sample-knn"].value > 95
    with pytest.raises(IncompatibleError, match="no sides"):
        figures(model_of(PixelsAreStatistics("deterministic", 3)), images(normal(40, 3)), latent="style")


def test_of_many_examples_as_many_as_asked_for_are_taken() -> None:
    model = model_of(PixelsAreStatistics("deterministic", 2))
    got = figures(model, images(normal(300, 2)), examples=30)
    assert got["two-sample-mlp"].protocol["fitted"] == 60
    assert got["mmd"].protocol["codes"] == 60


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(DataError, match="at least 20"):
        figures(model_of(PixelsAreStatistics("deterministic", 2)), images(normal(19, 2)))
    with pytest.raises(DataError, match="got 0"):
        figures(model_of(PixelsAreStatistics("deterministic", 2)), [])


def test_a_vae_is_measured_by_name() -> None:
    model = zoo.build("vae-mlp", data="digits", latent_dim=2)
    given = zoo.evaluate(model, "digits", [{"name": "prior-agreement", "examples": 50}])
    assert [figure.name for figure in given] == [
        "two-sample-mlp", "two-sample-mlp-control", "two-sample-knn", "two-sample-knn-control", "mmd", "mmd-control",
    ]  # fmt: skip
