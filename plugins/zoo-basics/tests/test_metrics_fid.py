"""FID against independent computations on the same features, and the closed form for two Gaussians."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor
from zoo_basics.metrics.extractor import choose_extractor
from zoo_basics.metrics.fid import FID, feature_moments, frechet_distance

import zoo_core as zoo
from zoo_core.evaluation.metrics import evaluate
from zoo_core.interfaces import Batch
from zoo_core.model import Model

DIGITS = "digit-classifier"


def moments_at_once(features: Tensor) -> tuple[np.ndarray, np.ndarray]:
    array = features.double().numpy()
    return array.mean(0), np.atleast_2d(np.cov(array, rowvar=False))


def by_eigenvalues(a: Tensor, b: Tensor) -> float:
    """‖μ₁ − μ₂‖² + Tr S₁ + Tr S₂ − 2 Σ √eigvalsh(S₁^½ S₂ S₁^½), in float64."""
    (m1, s1), (m2, s2) = moments_at_once(a), moments_at_once(b)
    values, vectors = np.linalg.eigh(s1)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    crossed = np.sqrt(np.linalg.eigvalsh(root @ s2 @ root).clip(0)).sum()
    return float(((m1 - m2) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * crossed)


def by_square_root(a: Tensor, b: Tensor) -> float:
    (m1, s1), (m2, s2) = moments_at_once(a), moments_at_once(b)
    return float(((m1 - m2) ** 2).sum() + np.trace(s1 + s2 - 2 * scipy.linalg.sqrtm(s1 @ s2).real))


def features(n: int, width: int, seed: int, shift: float = 0.0) -> Tensor:
    """As those of a net are: correlated, of very different scales, far from 0."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=torch.Generator().manual_seed(9)) / width**0.5
    scales = torch.logspace(0, -3, width)
    return (torch.randn(n, width, generator=generator) @ mix * scales + 5 + shift).float()


def in_batches(all_of_them: Tensor) -> list[Tensor]:
    return list(all_of_them.split([7, len(all_of_them) - 7]))


def fid_of(a: Tensor, b: Tensor) -> float:
    return frechet_distance(feature_moments(in_batches(a)), in_batches(b))


@pytest.mark.parametrize("count", [400, 150])
def test_fid_is_what_scipy_and_eigenvalues_say_of_the_same_features(count: int) -> None:
    a, b = features(count, 48, 0), features(count + 50, 48, 1, 0.02)
    assert fid_of(a, b) == pytest.approx(by_square_root(a, b), rel=1e-3)
    assert fid_of(a, b) == pytest.approx(by_eigenvalues(a, b), rel=1e-3)


@pytest.mark.parametrize("count", [20, 100])
def test_fid_of_fewer_images_than_features_is_the_formulas_and_never_nan(count: int) -> None:
    a, b = features(count, 256, 0), features(count + 8, 256, 1, 0.02)
    assert fid_of(a, b) == pytest.approx(by_eigenvalues(a, b), rel=1e-3)


def test_fid_where_some_features_never_change_or_are_all_alike() -> None:
    a, b = features(60, 32, 0), features(60, 32, 1, 0.1)
    a[:, :8] = 1.0
    assert fid_of(a, b) == pytest.approx(by_eigenvalues(a, b), rel=1e-3)
    assert fid_of(a, a[:1].repeat(10, 1)) == pytest.approx(by_eigenvalues(a, a[:1].repeat(10, 1)), rel=1e-3)


def test_a_set_is_at_no_distance_from_itself() -> None:
    a = features(30, 64, 0)
    assert 0 <= fid_of(a, a) < 1e-6


def test_fid_of_two_gaussians_is_the_closed_form() -> None:
    # Orthogonal columns of norm √(n − 1), less their means: sample covariances exactly as wanted.
    white = torch.linalg.qr(torch.cat([torch.ones(64, 1), torch.randn(64, 3)], 1).double()).Q[:, 1:] * math.sqrt(63)
    one, other = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([2.0, 2.0, 3.0])
    shift = torch.tensor([1.0, -2.0, 0.5])
    closed = float(
        shift.square().sum() + (one - other).square().sum()
    )  # diagonal: Tr(C + C' − 2 √(C C')) = Σ (σ − σ')²
    assert fid_of(white * one, white * other + shift) == pytest.approx(closed, rel=1e-9)


def test_fid_of_gaussians_that_do_not_commute_is_the_closed_form() -> None:
    white = torch.linalg.qr(torch.cat([torch.ones(64, 1), torch.randn(64, 2)], 1).double()).Q[:, 1:] * math.sqrt(63)
    a, b = torch.tensor([[2.0, 0.0], [1.0, 1.0]]).double(), torch.tensor([[1.0, 3.0], [0.0, 0.5]]).double()
    s1, s2 = a @ a.T, b @ b.T
    # In two dimensions Tr √M = √(Tr M + 2 √det M), and M = S₁S₂ has the eigenvalues of S₁^½ S₂ S₁^½.
    product = s1 @ s2
    crossed = math.sqrt(float(product.trace() + 2 * product.det().sqrt()))
    closed = float(s1.trace() + s2.trace()) - 2 * crossed
    assert fid_of(white @ a.T, white @ b.T) == pytest.approx(closed, rel=1e-9)


@pytest.fixture(scope="module")
def model() -> Model:
    return zoo.build("vae-mlp", data="digits", latent_dim=4, **{"encoder.hidden": [16], "decoder.hidden": [16]})


def test_the_metric_is_the_distance_between_features_of_all_images_and_of_the_samplers_pictures(model: Model) -> None:
    (figure,) = evaluate(
        model,
        "digits",
        [{"name": "fid", "features": DIGITS, "samples": 120, "cache": False}],
        limit=90,
        batch_size=40,
        device="cpu",
    )
    extractor = choose_extractor(DIGITS, None, model, "features")
    x = zoo.open_dataset("digits").split("test").x[:90].float() / 255
    samples = model.samples(120, seed=0).x
    whole = extractor.part.features(torch.cat([x, samples]))["conv3"].mean((2, 3))
    assert figure.value == pytest.approx(by_eigenvalues(whole[:90], whole[90:]), rel=1e-3)
    assert figure.better == "lower"
    about = {
        "extractor": DIGITS,
        "layer": "conv3 (mean over space)",
        "resize": "none, 32x32",
        "real": 90,
        "samples": 120,
        "sampler": "prior",
    }
    assert about.items() <= figure.protocol.items() and "warning" not in figure.protocol


def test_fewer_images_than_features_are_warned_of(model: Model) -> None:
    (figure,) = evaluate(
        model, "digits", [{"name": "fid", "features": DIGITS, "samples": 40, "cache": False}], limit=64, device="cpu"
    )
    assert math.isfinite(figure.value) and "40 images for 64 features" in figure.protocol["warning"]


def test_samples_of_a_conditional_model_take_the_classes_in_turn(tmp_path: Path) -> None:
    from zoo_basics.metrics.drawn_samples import DrawnSamples

    from zoo_core.interfaces import Sampler, Samples

    model = zoo.build(
        "vae-mlp",
        data="digits",
        latent_dim=4,
        **{"encoder.hidden": [8], "decoder.hidden": [8], "decoder.conditional": True},
    )
    asked: list[Tensor] = []

    class Watched(Sampler):
        def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Tensor) -> Samples:
            asked.append(conditions["y"])
            return Samples(torch.zeros(n, *model.image_shape))

    model.sampler = lambda spec=None: Watched()  # type: ignore[method-assign]
    drawn = DrawnSamples(model, None, torch.Generator())
    assert sum(len(x) for x in drawn.batches(255)) + sum(len(x) for x in drawn.batches(45)) == 300
    assert torch.equal(torch.cat(asked), torch.arange(300) % 10)


def test_the_figure_does_not_depend_on_how_images_are_cut(model: Model) -> None:
    x = zoo.open_dataset("digits").split("test").x[:80].float() / 255
    metric = FID(features=DIGITS, samples=70, cache=False)
    with model.evaluating():
        one = metric(model, [Batch(x)], torch.Generator().manual_seed(0))
        other = metric(model, (Batch(part) for part in x.split(33)), torch.Generator().manual_seed(0))
    assert one == other
