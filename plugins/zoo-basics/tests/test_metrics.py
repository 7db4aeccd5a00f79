"""Metrics against naive computations over all examples at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from zoo_basics.decoders.mlp import MLPDecoder
from zoo_basics.encoders.mlp import MLPEncoder
from zoo_basics.metrics.accuracy import Accuracy
from zoo_basics.metrics.elbo import ELBOMetric
from zoo_basics.metrics.feature_error import FeatureError
from zoo_basics.metrics.mean import StreamingMean
from zoo_basics.metrics.reconstruction import ReconstructionError
from zoo_basics.priors.gaussian import GaussianPrior

from zoo_core.errors import DataError, IncompatibleError
from zoo_core.interfaces import Batch, FeatureExtractor, Labels, MetricResult

SHAPE = (2, 4, 4)


class TwoLayers(FeatureExtractor):
    """A map and a vector of logits, or logits alone."""

    def __init__(self, logits: int = 3) -> None:
        super().__init__()
        self.layers, self.shapes = ("map", "logits"), {"map": (5, 3, 3), "logits": (logits,)}
        self.convolution = nn.Conv2d(2, 5, 2)
        self.linear = nn.Linear(45, logits)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        activation = self.convolution(x)
        return activation, self.linear(activation.relu().flatten(1))


@pytest.fixture
def model(model_of: Callable[..., Any]) -> Any:
    return model_of(
        SHAPE,
        encoder=MLPEncoder(image_shape=SHAPE, latent_dim=3, hidden=(8,)),
        decoder=MLPDecoder(image_shape=SHAPE, labels=Labels(), latent_dim=3, hidden=(8,), sigma="fixed"),
        prior=GaussianPrior(latent_dim=3),
        classifier=TwoLayers(),
    )


def uneven(batch: Batch) -> list[Batch]:
    """The batch in pieces of different sizes: a mean of means would show."""
    return [batch.rows(0, 4), batch.rows(4, 5), batch.rows(5, len(batch))]


def by_name(figures: list[MetricResult]) -> dict[str, float]:
    return {figure.name: figure.value for figure in figures}


def test_reconstruction_error_is_that_of_all_examples_at_once(model: Any, generator: torch.Generator) -> None:
    x = torch.rand(12, *SHAPE)
    got = by_name(ReconstructionError()(model, uneven(Batch(x)), generator))
    difference = x - model.reconstruct(x)
    each = (difference**2).flatten(1).mean(1)
    assert got["mse"] == pytest.approx(each.mean().item(), rel=1e-5)
    assert got["l1"] == pytest.approx(difference.abs().mean().item(), rel=1e-5)
    assert got["psnr"] == pytest.approx(sum(10 * math.log10(1 / e.item()) for e in each) / 12, rel=1e-5)


def test_elbo_and_its_sides_per_dimension(model: Any, generator: torch.Generator) -> None:
    x = torch.rand(12, *SHAPE)
    got = by_name(ELBOMetric(draws=200)(model, uneven(Batch(x)), generator))
    q = model.parts["encoder"].posterior(x)
    kl = kl_divergence(Normal(q.mean, q.log_sigma.exp()), Normal(0.0, 1.0)).sum(1)
    assert got["rate"] == pytest.approx(kl.mean().item() / 32, rel=1e-4)
    assert got["elbo"] == pytest.approx(-got["distortion"] - got["rate"], rel=1e-6)
    means = torch.stack([model.decode(q.rsample()) for _ in range(500)])
    distortion = -Normal(means, 1.0).log_prob(x).mean().item()
    assert got["distortion"] == pytest.approx(distortion, abs=1e-3)


def test_feature_error_is_squared_error_over_the_layers_variance(model: Any, generator: torch.Generator) -> None:
    x = torch.rand(12, *SHAPE)
    got = by_name(FeatureError()(model, uneven(Batch(x)), generator))
    classifier = model.parts["classifier"]
    real, made = classifier.features(x), classifier.features(model.reconstruct(x))
    expected = {layer: ((d - made[layer]) ** 2).sum() / ((d - d.mean(0)) ** 2).sum() for layer, d in real.items()}
    for layer, value in expected.items():
        assert got[f"feature-error/{layer}"] == pytest.approx(value.item(), rel=1e-4)
    assert got["feature-error"] == pytest.approx(sum(expected.values()).item() / 2, rel=1e-4)


def test_feature_error_of_the_mean_image_is_one(model_of: Callable[..., Any], generator: torch.Generator) -> None:
    x = torch.rand(10, *SHAPE)

    class Pixels(FeatureExtractor):
        layers = ("pixels",)
        shapes = {"pixels": SHAPE}  # noqa: RUF012

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return (x,)

    model = model_of(SHAPE, classifier=Pixels(), decoder=MLPDecoder(image_shape=SHAPE, labels=Labels(), hidden=(2,)))
    model.reconstruct = lambda images, y=None: x.mean(0).expand_as(images)
    assert by_name(FeatureError()(model, [Batch(x)], generator))["feature-error"] == pytest.approx(1.0, rel=1e-6)


def test_feature_error_without_an_extractor_says_what_to_set(model: Any, generator: torch.Generator) -> None:
    del model.parts["classifier"]
    with pytest.raises(IncompatibleError, match=r"feature-error\.extractor"):
        FeatureError()(model, [], generator)


def test_accuracy_counts_labelled_examples(model_of: Callable[..., Any], generator: torch.Generator) -> None:
    model = model_of(SHAPE, Labels("classes", ("a", "b", "c")), classifier=TwoLayers())
    x = torch.rand(9, *SHAPE)
    guess = model.parts["classifier"].features(x)["logits"].argmax(1)
    y = guess.clone()
    y[:2] = (guess[:2] + 1) % 3
    y[6:] = -1
    (figure,) = Accuracy()(model, uneven(Batch(x, y=y)), generator)
    assert figure.value == pytest.approx(4 / 6)
    assert figure.protocol["examples"] == 6


def test_attribute_accuracy_is_a_mean_over_attributes(model_of: Callable[..., Any], generator: torch.Generator) -> None:
    model = model_of(SHAPE, Labels("attributes", ("p", "q", "r")), classifier=TwoLayers())
    x = torch.rand(9, *SHAPE)
    truth = (model.parts["classifier"].features(x)["logits"] > 0).to(torch.int8)
    truth[:3, 0] = 1 - truth[:3, 0]  # 6 of 9
    truth[1:, 1] = -1  # 1 of 1
    truth[:, 2] = -1  # nothing known
    (figure,) = Accuracy()(model, uneven(Batch(x, attributes=truth)), generator)
    assert figure.value == pytest.approx((6 / 9 + 1) / 2)


def test_accuracy_without_any_label_is_refused(model_of: Callable[..., Any], generator: torch.Generator) -> None:
    model = model_of(SHAPE, Labels("classes", ("a", "b", "c")), classifier=TwoLayers())
    with pytest.raises(DataError):
        Accuracy()(model, [Batch(torch.rand(3, *SHAPE), y=torch.full((3,), -1))], generator)
    with pytest.raises(IncompatibleError):
        Accuracy()(model, [Batch(torch.rand(3, *SHAPE))], generator)


def test_streaming_mean_and_error_are_those_of_all_values() -> None:
    values = torch.randn(1000) * 3 + 1000
    mean = StreamingMean()
    for piece in values.split([1, 300, 0, 699]):
        mean.add(piece)
    assert mean.value == pytest.approx(values.double().mean().item(), rel=1e-12)
    assert mean.error == pytest.approx(values.double().std().item() / 1000**0.5, rel=1e-9)


def test_a_conditional_decoder_is_given_the_labels(model_of: Callable[..., Any], generator: torch.Generator) -> None:
    labels = Labels("classes", ("a", "b"))
    decoder = MLPDecoder(image_shape=SHAPE, labels=labels, latent_dim=3, hidden=(8,), conditional=True)
    model = model_of(SHAPE, labels, encoder=MLPEncoder(image_shape=SHAPE, latent_dim=3, hidden=(8,)), decoder=decoder)
    x, y = torch.rand(6, *SHAPE), torch.tensor([0, 1, 1, 0, 1, 0])
    got = by_name(ReconstructionError()(model, uneven(Batch(x, y=y)), generator))
    assert got["mse"] == pytest.approx(((x - model.reconstruct(x, y)) ** 2).mean().item(), rel=1e-5)
