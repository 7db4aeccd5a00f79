"""Parzen-window log-likelihood against scikit-learn's kernel density, float64 and closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.neighbors import KernelDensity
from torch import Tensor
from zoo_aae.metrics.parzen import ParzenLogLikelihood, best_sigma
from zoo_aae.metrics.parzen_window import ParzenWindow
from zoo_aae.metrics.prior_draws import prior_pictures

import zoo_core as zoo
from zoo_core.errors import DataError, IncompatibleError
from zoo_core.interfaces import Batch, Prior
from zoo_core.model import Model
from zoo_core.noise import Noise
from zoo_core.testing.pictures import CLASSES, batch
from zoo_core.testing.surroundings import PlainDecoder, PlainPrior, plain_model

SHAPE = (1, 8, 8)


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return plain_model({"decoder": PlainDecoder(SHAPE), "prior": PlainPrior()}, SHAPE, CLASSES)


def held_out(start: int = 0) -> list[Batch]:
    """30 digits in uneven batches."""
    whole = batch(30, SHAPE, CLASSES, start=start)
    return [whole.rows(0, 4), whole.rows(4, 5), whole.rows(5, 30)]


def only(name: str, batches: Iterable[Batch]) -> Callable[[str], Iterable[Batch]]:
    """A data set that has no other split than ``name``."""

    def split(asked: str) -> Iterable[Batch]:
        assert asked == name
        return batches

    return split


def kernel_density(samples: Tensor, points: Tensor, sigma: float) -> np.ndarray:
    """log density of each point, by scikit-learn.

    All samples stand in one leaf of its tree: with several, its bounds lose all digits where σ is small.
    """
    density = KernelDensity(kernel="gaussian", bandwidth=sigma, leaf_size=len(samples)).fit(samples.double().numpy())
    return np.asarray(density.score_samples(points.double().numpy()))


@pytest.mark.parametrize(
    ("dtype", "sigmas", "tolerance"),
    [(torch.float64, (0.01, 0.05, 0.2, 1.0), 1e-8), (torch.float32, (0.1, 0.2, 1.0), 1e-4)],
    ids=str,
)
def test_the_window_is_scikit_learns_kernel_density_for_every_bandwidth(
    dtype: torch.dtype, sigmas: tuple[float, ...], tolerance: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    points, samples = (torch.rand(n, 30, generator=generator, dtype=dtype) for n in (40, 200))
    window = ParzenWindow(points, sigmas)
    for chunk in samples.split([1, 150, 49]):
        window.add(chunk)
    for row, sigma in zip(window.log_density(), sigmas, strict=True):
        np.testing.assert_allclose(row.numpy(), kernel_density(samples, points, sigma), rtol=0, atol=tolerance)


def test_float32_agrees_with_float64_at_the_size_of_mnist() -> None:
    generator = torch.Generator().manual_seed(0)
    points, samples = (torch.rand(n, 784, generator=generator).pow(4) for n in (200, 500))
    single, double = ParzenWindow(points, (0.1, 0.2)), ParzenWindow(points.double(), (0.1, 0.2))
    single.add(samples)
    double.add(samples.double())
    error = single.log_density() - double.log_density()
    assert double.log_density().abs().min() > 100
    assert error.abs().max() < 5e-3
    assert error.mean(dim=1).abs().max() < 5e-4


def test_a_point_far_from_every_sample_keeps_its_density() -> None:
    window = ParzenWindow(torch.full((1, 4), 100.0), (0.01,))
    window.add(torch.zeros(3, 4))
    expected = -40_000 / (2 * 0.01**2) - 4 * math.log(0.01 * math.sqrt(2 * math.pi))
    assert window.log_density().item() == pytest.approx(expected, rel=1e-7)


def test_the_figure_is_the_mean_density_of_the_models_own_samples(model: Model) -> None:
    metric = ParzenLogLikelihood(samples=50, sigma=0.2, chunk=20)
    (figure,) = metric(model, held_out(), torch.Generator().manual_seed(3))
    samples = torch.cat(list(prior_pictures(model, 50, torch.Generator().manual_seed(3), at_once=20)))
    points = batch(30, SHAPE, CLASSES).x.flatten(1)
    each = kernel_density(samples.flatten(1), points, 0.2)
    assert figure.value == pytest.approx(each.mean(), abs=1e-4)
    assert figure.std == pytest.approx(each.std(ddof=1) / math.sqrt(30), rel=1e-5)
    assert figure.protocol["samples"] == 50


def test_sigma_is_the_best_one_on_validation(model: Model) -> None:
    metric = ParzenLogLikelihood(samples=60)
    metric.prepare(model, only("validation", held_out(start=100)), torch.Generator().manual_seed(3))
    (figure,) = metric(model, held_out(), torch.Generator().manual_seed(4))
    samples = torch.cat(list(prior_pictures(model, 60, torch.Generator().manual_seed(3), at_once=60))).flatten(1)
    validation = batch(30, SHAPE, CLASSES, start=100).x.flatten(1)
    sigmas = np.geomspace(0.05, 2, 400)
    best = sigmas[np.argmax([kernel_density(samples, validation, sigma).mean() for sigma in sigmas])]
    assert figure.protocol["sigma"] == pytest.approx(best, rel=0.03)
    assert (figure.protocol["chosen_on"], figure.protocol["chosen_from"]) == ("validation", 30)


@pytest.mark.parametrize("peak", [0.013, 0.1, 0.147, 0.8, 1.0, 6.0])
def test_the_search_finds_a_peak_inside_and_outside_of_its_first_grid(peak: float) -> None:
    def densities(sigmas: Sequence[float]) -> list[float]:
        return [-abs(math.log(sigma / peak)) for sigma in sigmas]

    assert best_sigma(densities) == pytest.approx(peak, rel=0.015)


def test_the_search_ends_where_there_is_no_peak() -> None:
    assert 0 < best_sigma(lambda sigmas: [-sigma for sigma in sigmas]) < 0.01


def test_unprepared_it_says_so(model: Model) -> None:
    with pytest.raises(IncompatibleError, match="before it was prepared"):
        ParzenLogLikelihood(samples=5)(model, held_out(), torch.Generator())


def test_no_examples_are_refused(model: Model) -> None:
    with pytest.raises(DataError, match="no examples"):
        ParzenLogLikelihood(samples=5, sigma=0.1)(model, [], torch.Generator())


class PriorOfLabels(PlainPrior):
    """Codes that are all the label; −1 where it is asked for none."""

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"labels"})

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        own = torch.full((n,), -1) if y is None else y
        return own[:, None].expand(n, self.latent_dim).float()


class Recording(PlainDecoder):
    """Keeps the codes and labels that it is given."""

    def __init__(self, classes: int) -> None:
        super().__init__(SHAPE, classes)
        self.given: list[tuple[Tensor, Tensor | None]] = []

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        self.given.append((z[:, 0], y))
        return super().forward(z, y)


def drawn(prior: Prior, decoder: Recording) -> Iterator[tuple[Tensor, Tensor | None]]:
    model = plain_model({"decoder": decoder, "prior": prior}, SHAPE, CLASSES)
    pictures = torch.cat(list(prior_pictures(model, 20, torch.Generator(), at_once=7)))
    assert pictures.shape == (20, *SHAPE)
    return iter(decoder.given)


def test_a_decoder_with_labels_is_given_every_class_alike_and_the_prior_the_same() -> None:
    given = list(drawn(PriorOfLabels(), Recording(classes=10)))
    labels = torch.cat([y for _, y in given if y is not None])
    assert labels.bincount().tolist() == [2] * 10
    assert torch.equal(torch.cat([z for z, _ in given]), labels.float())


def test_a_prior_with_labels_alone_draws_them_itself() -> None:
    for z, y in drawn(PriorOfLabels(), Recording(classes=0)):
        assert y is None
        assert (z == -1).all()


def test_a_model_without_a_prior_is_refused_by_name() -> None:
    model = zoo.build("autoencoder", data="digits")
    with pytest.raises(IncompatibleError, match='needs part "prior"'):
        zoo.evaluate(model, "digits", ["parzen"])


def test_samples_of_a_model_in_half_precision_are_compared_in_float32(model: Model) -> None:
    batches = [replace(one, x=one.x.bfloat16()) for one in held_out()]
    (figure,) = ParzenLogLikelihood(samples=20, sigma=0.2)(model.bfloat16(), batches, torch.Generator().manual_seed(3))
    samples = torch.cat(list(prior_pictures(model, 20, torch.Generator().manual_seed(3), at_once=20)))
    points = batch(30, SHAPE, CLASSES).x.bfloat16().flatten(1)
    each = kernel_density(samples.flatten(1), points, 0.2)
    assert figure.value == pytest.approx(each.mean(), abs=1e-3)


def test_zoo_evaluate_prepares_it_on_validation() -> None:
    model = zoo.build("vae-mlp", data="digits", latent_dim=2)
    chosen = {"name": "parzen", "samples": 40}
    for split in ("test", "validation"):
        (figure,) = zoo.evaluate(model, "digits", [chosen], split=split, limit=20)
        assert (figure.protocol["split"], figure.protocol["chosen_on"]) == (split, "validation")
        assert figure.protocol["examples"] == 20
        assert figure.protocol["chosen_from"] > 20
