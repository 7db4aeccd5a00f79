"""The inception score and the mode count against computations by hand."""

from __future__ import annotations

import math

import pytest
import torch
from zoo_basics.metrics.extractor import choose_extractor
from zoo_basics.metrics.inception_score import inception_score
from zoo_basics.metrics.modes import entropy, modes

import zoo_core as zoo
from zoo_core.evaluation.metrics import evaluate
from zoo_core.model import Model


@pytest.fixture(scope="module")
def model() -> Model:
    return zoo.build("vae-mlp", data="digits", latent_dim=4, seed=3, **{"encoder.hidden": [16], "decoder.hidden": [16]})


def by_hand(p: torch.Tensor) -> float:
    """exp of the mean Kullback-Leibler divergence of the rows from their mean."""
    marginal = p.mean(0).tolist()
    divergences = [sum(a * math.log(a / b) for a, b in zip(row, marginal) if a > 0) for row in p.tolist()]
    return math.exp(sum(divergences) / len(divergences))


def test_the_score_is_that_of_a_hand_computation() -> None:
    p = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5], [0.6, 0.3, 0.1]], dtype=torch.float64)
    assert inception_score(p.log() + 3) == pytest.approx(by_hand(p), rel=1e-9)


def test_sure_and_even_is_the_number_of_classes_and_all_alike_is_one() -> None:
    assert inception_score(torch.eye(5).repeat(4, 1) * 2000) == pytest.approx(5, rel=1e-9)
    assert inception_score(torch.eye(5)[:1].repeat(9, 1) * 2000) == pytest.approx(1, rel=1e-9)
    assert inception_score(torch.zeros(9, 5)) == pytest.approx(1, rel=1e-9)


def test_the_metric_scores_each_group_by_itself(model: Model) -> None:
    metric = {"name": "inception-score", "features": "digit-classifier", "groups": 3, "group_size": 60}
    (figure,) = evaluate(model, "digits", [metric], limit=20, device="cpu")
    classifier = choose_extractor("digit-classifier", None, model, "logits")
    generator = torch.Generator().manual_seed(0)
    groups = [classifier(model.sampler()(model, 60, generator).x) for _ in range(3)]
    each = torch.tensor([by_hand(logits.double().softmax(1)) for logits in groups], dtype=torch.float64)
    assert figure.value == pytest.approx(each.mean().item(), rel=1e-6)
    assert figure.std == pytest.approx(each.std().item(), rel=1e-3)
    assert {"samples": 180, "groups": 3, "group_size": 60, "layer": "logits"}.items() <= figure.protocol.items()
    assert figure.better == "higher"


def test_the_score_draws_nothing_from_the_global_generator() -> None:
    before = torch.get_rng_state()
    inception_score(torch.randn(20, 4, generator=torch.Generator()))
    assert torch.equal(torch.get_rng_state(), before)


def test_modes_are_classes_with_at_least_a_share_and_at_least_one() -> None:
    counts = torch.tensor([500, 490, 9, 1, 0])
    assert [modes(counts, share) for share in (0.0, 0.001, 0.005, 0.01, 0.495, 1.0)] == [4, 4, 3, 2, 1, 0]


def test_entropy_of_labels_is_in_nats() -> None:
    assert entropy(torch.tensor([5, 5, 5, 5])) == pytest.approx(math.log(4))
    assert entropy(torch.tensor([9, 0, 0])) == 0
    assert entropy(torch.tensor([1, 3])) == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))


def test_modes_of_a_model_that_makes_two_digits_only(model: Model) -> None:
    from zoo_core.interfaces import Sampler, Samples

    data = zoo.open_dataset("digits").split("test")
    assert data.y is not None
    pictures = [data.x[(data.y == digit).nonzero()[0]].float() / 255 for digit in (3, 8)]

    class TwoDigits(Sampler):
        def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: object) -> Samples:
            return Samples(
                torch.cat([pictures[0].expand(3 * n // 4, -1, -1, -1), pictures[1].expand(n // 4, -1, -1, -1)])
            )

    own = model.sampler
    model.sampler = lambda spec=None: TwoDigits()  # type: ignore[method-assign]
    try:
        metric = {"name": "modes", "features": "digit-classifier", "samples": 40, "cache": False}
        found = {figure.name: figure for figure in evaluate(model, "digits", [metric], device="cpu")}
    finally:
        model.sampler = own  # type: ignore[method-assign]
    assert found["modes"].value == 2 and found["modes-data"].value == 10
    assert found["label-entropy"].value == pytest.approx(entropy(torch.tensor([30, 10])))
    assert found["label-entropy-data"].value == pytest.approx(math.log(10), rel=0.02)
    assert "samples" not in found["modes-data"].protocol
