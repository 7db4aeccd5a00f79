"""Objectives: each term against its formula, through the game's own Step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from zoo_basics.decoders.mlp import MLPDecoder
from zoo_basics.encoders.mlp import MLPEncoder
from zoo_basics.objectives.attribute_bce import AttributeBCE
from zoo_basics.objectives.cross_entropy import CrossEntropy
from zoo_basics.objectives.elbo import ELBO
from zoo_basics.objectives.reconstruction import Reconstruction
from zoo_basics.priors.gaussian import GaussianPrior

from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.game.step import Step
from zoo_core.interfaces import Batch, FeatureExtractor, Labels, Part, Prior
from zoo_core.noise import KeyedNoise, Noise

SHAPE = (1, 4, 6)
UNITS = 24


class DensityPrior(Prior):
    """A standard normal that only knows its density."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"prior.log_prob"})

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        return noise.normal(name, (n, self.latent_dim))

    def log_prob(self, z: Tensor) -> Tensor:
        return Normal(0, 1).log_prob(z).sum(-1)


class LinearClassifier(FeatureExtractor):
    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.layers, self.shapes = ("logits",), {"logits": (outputs,)}
        self.linear = torch.nn.Linear(UNITS, outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (self.linear(x.flatten(1)),)


def autoencoder(**decoder: Any) -> dict[str, Part]:
    return {
        "encoder": MLPEncoder(image_shape=SHAPE, latent_dim=3, hidden=(8,)),
        "decoder": MLPDecoder(image_shape=SHAPE, labels=Labels(), latent_dim=3, hidden=(8,), **decoder),
        "prior": GaussianPrior(latent_dim=3),
    }


def step_of(parts: dict[str, Part], **labels: Tensor) -> Step:
    return Step(parts, Batch(torch.rand(5, *SHAPE), **labels), KeyedNoise(0, 0))


def terms(objective: Any, step: Step) -> dict[str, Tensor]:
    return {term.name: term.value for term in objective.terms("fit", step)}


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_elbo_is_density_and_closed_form_divergence_per_dimension_of_x(beta: float) -> None:
    parts = autoencoder(sigma="fixed", initial_log_sigma=-1.0)
    step = step_of(parts)
    got = terms(ELBO(parts=parts, beta=beta), step)
    q = step.posterior()
    mean, sigma = q.mean, q.log_sigma.exp()
    p_x = Independent(Normal(step.reconstruction(), torch.tensor(-1.0).exp()), 3)
    kl = kl_divergence(Independent(Normal(mean, sigma), 1), Independent(Normal(torch.zeros(3), 1.0), 1))
    assert got["nll"].item() == pytest.approx(-p_x.log_prob(step.x).mean().item() / UNITS, rel=1e-4)
    assert got["kl"].item() == pytest.approx(beta * kl.mean().item() / UNITS, rel=1e-4)


def test_bernoulli_elbo_has_the_bernoulli_density() -> None:
    parts = autoencoder(likelihood="bernoulli")
    step = Step(parts, Batch(torch.rand(5, *SHAPE).round()), KeyedNoise(0, 0))
    expected = Bernoulli(logits=step.likelihood().logits).log_prob(step.x).sum((1, 2, 3)).mean() / UNITS
    assert terms(ELBO(parts=parts), step)["nll"].item() == pytest.approx(-expected.item(), rel=1e-5)


def test_without_a_closed_form_the_divergence_is_estimated_from_the_draw() -> None:
    parts = autoencoder()
    parts["prior"] = DensityPrior(3)
    step = step_of(parts)
    q, z = step.posterior(), step.z()
    estimate = (Normal(q.mean, q.log_sigma.exp()).log_prob(z) - Normal(0, 1).log_prob(z)).sum(1).mean() / UNITS
    assert terms(ELBO(parts=parts), step)["kl"].item() == pytest.approx(estimate.item(), rel=1e-4)


def test_the_estimated_divergence_is_the_closed_form_on_average() -> None:
    encoder, prior = MLPEncoder(image_shape=SHAPE, latent_dim=3, hidden=(8,)), DensityPrior(3)
    x = torch.rand(1, *SHAPE).expand(40000, *SHAPE)
    parts: dict[str, Part] = {**autoencoder(), "encoder": encoder, "prior": prior}
    step = Step(parts, Batch(x), KeyedNoise(0, 0))
    with torch.no_grad():
        estimate = terms(ELBO(parts=parts), step)["kl"].item() * UNITS
        exact = step.posterior().kl(GaussianPrior(latent_dim=3))[0].item()
    assert estimate == pytest.approx(exact, abs=0.02)


def test_free_bits_hold_each_dimension_whose_mean_divergence_is_below_them() -> None:
    parts = autoencoder()
    encoder = parts["encoder"]
    with torch.no_grad():
        # Dimension 0 far from the prior, the others at it.
        encoder.head.weight.zero_()
        encoder.head.bias.copy_(torch.tensor([2.0, 0, 0, 0, 0, 0]))
    step = step_of(parts)
    kl = terms(ELBO(parts=parts, free_bits=0.25), step)["kl"]
    assert kl.item() == pytest.approx((2.0 + 0.25 + 0.25) / UNITS, rel=1e-5)
    kl.backward()
    assert encoder.head.bias.grad[0].item() == pytest.approx(2.0 / UNITS, rel=1e-5)
    assert encoder.head.bias.grad[1:3].abs().max() == 0


def test_free_bits_far_below_every_divergence_change_nothing() -> None:
    parts = autoencoder()
    step = step_of(parts)
    plain, free = terms(ELBO(parts=parts), step)["kl"], terms(ELBO(parts=parts, free_bits=1e-9), step)["kl"]
    assert free.item() == pytest.approx(plain.item(), rel=1e-5)


def test_a_model_without_any_divergence_is_refused() -> None:
    parts = autoencoder()
    parts["encoder"] = MLPEncoder(image_shape=SHAPE, latent_dim=3, hidden=(8,), posterior="deterministic")
    with pytest.raises(IncompatibleError, match="no KL divergence"):
        ELBO(parts=parts)


def test_free_bits_without_a_divergence_for_each_dimension_are_refused() -> None:
    parts = {**autoencoder(), "prior": DensityPrior(3)}
    with pytest.raises(IncompatibleError, match="free bits"):
        ELBO(parts=parts, free_bits=0.1)


@pytest.mark.parametrize(
    ("kind", "distance"),
    [
        ("mse", lambda x, r: ((x - r) ** 2).mean()),
        ("l1", lambda x, r: (x - r).abs().mean()),
        ("bce", lambda x, r: -(x * r.log() + (1 - x) * (1 - r).log()).mean()),
        ("likelihood", lambda x, r: -Normal(r, 1.0).log_prob(x).mean()),
    ],
)
def test_reconstruction_is_the_weighted_mean_distance(kind: Any, distance: Any) -> None:
    parts = autoencoder(sigma="fixed")
    step = step_of(parts)
    got = terms(Reconstruction(parts=parts, kind=kind, weight=3.0), step)["reconstruction"]
    assert got.item() == pytest.approx(3 * distance(step.x, step.reconstruction()).item(), rel=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_is_the_mean_over_labelled_examples(smoothing: float) -> None:
    labels = Labels("classes", ("a", "b", "c", "d"))
    parts: dict[str, Part] = {"classifier": LinearClassifier(4)}
    y = torch.tensor([0, -1, 3, -1, 1])
    step = step_of(parts, y=y)
    log_p = step.features("classifier")["logits"].log_softmax(1)
    rows = [(1 - smoothing) * log_p[i, y[i]] + smoothing * log_p[i].mean() for i in (0, 2, 4)]
    objective = CrossEntropy(parts=parts, labels=labels, label_smoothing=smoothing)
    assert terms(objective, step)["cross_entropy"].item() == pytest.approx(-sum(rows).item() / 3, rel=1e-5)


def test_cross_entropy_of_a_batch_without_labels_is_zero_with_a_zero_gradient() -> None:
    parts: dict[str, Part] = {"classifier": LinearClassifier(2)}
    objective = CrossEntropy(parts=parts, labels=Labels("classes", ("a", "b")))
    value = terms(objective, step_of(parts, y=torch.full((5,), -1)))["cross_entropy"]
    value.backward()
    assert value.item() == 0
    assert parts["classifier"].linear.weight.grad.abs().max() == 0


def test_attribute_bce_is_the_mean_over_known_attributes() -> None:
    parts: dict[str, Part] = {"classifier": LinearClassifier(2)}
    attributes = torch.tensor([[1, 0], [-1, 1], [0, -1], [-1, -1], [1, 1]], dtype=torch.int8)
    step = step_of(parts, attributes=attributes)
    p = step.features("classifier")["logits"].sigmoid()
    known = [(i, a) for i in range(5) for a in range(2) if attributes[i, a] >= 0]
    expected = -sum((p[i, a] if attributes[i, a] else 1 - p[i, a]).log() for i, a in known) / len(known)
    objective = AttributeBCE(parts=parts, labels=Labels("attributes", ("smiling", "old")))
    assert terms(objective, step)["bce"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_attributes_that_are_there_weigh_pos_weight() -> None:
    parts: dict[str, Part] = {"classifier": LinearClassifier(2)}
    attributes = torch.tensor([[1, 0], [-1, 1], [0, -1], [-1, -1], [1, 1]], dtype=torch.int8)
    step = step_of(parts, attributes=attributes)
    p = step.features("classifier")["logits"].sigmoid()
    known = [(i, a) for i in range(5) for a in range(2) if attributes[i, a] >= 0]
    expected = -sum((p[i, a].pow((3.0, 0.5)[a]) if attributes[i, a] else 1 - p[i, a]).log() for i, a in known) / len(
        known
    )
    objective = AttributeBCE(parts=parts, labels=Labels("attributes", ("smiling", "old")), pos_weight=(3.0, 0.5))
    assert terms(objective, step)["bce"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_pos_weight_is_one_number_or_one_of_each_attribute() -> None:
    labels = Labels("attributes", ("smiling", "old"))
    parts: dict[str, Part] = {"classifier": LinearClassifier(2)}
    with pytest.raises(SettingError, match="pos_weight has 3 numbers"):
        AttributeBCE(parts=parts, labels=labels, pos_weight=(1.0, 2.0, 3.0))


@pytest.mark.parametrize("labels", [Labels(), Labels("attributes", ("a", "b")), Labels("classes", ("a", "b", "c"))])
def test_a_classifier_that_does_not_fit_the_labels_is_refused(labels: Labels) -> None:
    with pytest.raises(IncompatibleError):
        CrossEntropy(parts={"classifier": LinearClassifier(2)}, labels=labels)
