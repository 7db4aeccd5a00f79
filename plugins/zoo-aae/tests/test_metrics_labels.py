"""Classification and cluster error on hand-made q(y given x)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import pytest
import torch
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from torch import Tensor
from zoo_aae.metrics.classification_error import ClassificationError
from zoo_aae.metrics.cluster_error import ClusterError
from zoo_aae.metrics.cluster_labels import ClusterLabels

import zoo_core as zoo
from zoo_core.distributions import posterior_family
from zoo_core.errors import DataError, IncompatibleError
from zoo_core.interfaces import Batch, Encoder, Labels, MetricResult
from zoo_core.model import Model
from zoo_core.testing.surroundings import plain_model

ABC = Labels("classes", ("a", "b", "c"))


class PixelsAreLogits(Encoder):
    """q(y given x) = softmax of the first K pixels; the last pixel is the style."""

    def __init__(self, categories: int) -> None:
        super().__init__()
        self.image_shape = (1, 1, categories + 1)
        self.family = posterior_family("joint", categories + 1, categories=categories)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return x.flatten(1)


def model_with(categories: int, labels: Labels = ABC) -> Model:
    encoder = PixelsAreLogits(categories)
    return plain_model({"encoder": encoder}, encoder.image_shape, labels)


def images(probabilities: list[list[float]]) -> Tensor:
    """Images whose q(y given x) are these; rows sum to 1."""
    logits = torch.tensor(probabilities, dtype=torch.float64).log().float()
    return torch.cat([logits, torch.zeros(len(logits), 1)], dim=1)[:, None, None, :]


def sure(clusters: list[int], k: int, sureness: float = 0.9) -> list[list[float]]:
    """Rows that give ``sureness`` to their cluster."""
    return [[sureness if i == c else (1 - sureness) / (k - 1) for i in range(k)] for c in clusters]


def of(y: list[int]) -> Tensor:
    return torch.tensor(y)


def by_name(figures: list[MetricResult]) -> dict[str, MetricResult]:
    return {figure.name: figure for figure in figures}


def only_validation(batches: Iterable[Batch]) -> Callable[[str], Iterable[Batch]]:
    def split(asked: str) -> Iterable[Batch]:
        assert asked == "validation"
        return batches

    return split


def cluster_figures(model: Model, validation: list[Batch], test: list[Batch]) -> dict[str, MetricResult]:
    metric, generator = ClusterError(), torch.Generator()
    metric.prepare(model, only_validation(validation), generator)
    return by_name(metric(model, test, generator))


# ------------------------------------------------------------------------------------------------ classification


def test_classification_error_counts_labelled_examples_in_percent() -> None:
    x = images(sure([0, 1, 2, 0, 1], 3))
    batches = [Batch(x[:2], of([0, 2])), Batch(x[2:], of([2, -1, 0]))]
    (figure,) = ClassificationError()(model_with(3), batches, torch.Generator())
    assert figure.value == 50.0
    wrong = torch.tensor([0.0, 100, 0, 100])
    assert figure.std == pytest.approx(wrong.std().item() / math.sqrt(4), rel=1e-6)
    assert figure.protocol["examples"] == 4


def test_categories_that_are_not_the_classes_are_refused() -> None:
    with pytest.raises(IncompatibleError, match=r"4 categories for 3 classes.*cluster-error"):
        ClassificationError()(model_with(4), [Batch(images(sure([0], 4)), of([0]))], torch.Generator())


def test_data_without_labels_are_refused() -> None:
    x = images(sure([0, 1], 3))
    with pytest.raises(IncompatibleError, match="these have none"):
        ClassificationError()(model_with(3), [Batch(x)], torch.Generator())
    with pytest.raises(DataError, match="no example"):
        ClassificationError()(model_with(3), [Batch(x, of([-1, -1]))], torch.Generator())
    with pytest.raises(DataError, match="validation"):
        ClusterError().prepare(model_with(3), only_validation([Batch(x, of([-1, -1]))]), torch.Generator())


# ------------------------------------------------------------------------------------------------ clusters


def test_the_surest_validation_example_names_the_whole_cluster() -> None:
    # Cluster 0: two examples of class 1, and a surer one of class 2. Cluster 1: class 0.
    probabilities = [[0.8, 0.2], [0.7, 0.3], [0.9, 0.1], [0.2, 0.8]]
    validation = [Batch(images(probabilities), of([1, 1, 2, 0]))]
    test = [Batch(images(sure([0, 0, 0, 1], 2)), of([1, 1, 2, 0]))]
    got = cluster_figures(model_with(2), validation, test)
    assert got["cluster-error"].value == 50.0
    assert got["cluster-error-majority"].value == 25.0
    assert got["cluster-error"].protocol["chosen_on"] == "validation"
    assert got["cluster-error"].protocol["chosen_from"] == 4


def test_an_unlabelled_validation_example_names_nothing() -> None:
    validation = [Batch(images([[0.99, 0.01], [0.8, 0.2], [0.2, 0.8]]), of([-1, 1, 0]))]
    test = [Batch(images(sure([0, 1], 2)), of([1, 0]))]
    assert cluster_figures(model_with(2), validation, test)["cluster-error"].value == 0.0


def test_examples_that_round_to_certainty_are_still_told_apart() -> None:
    logits = torch.tensor([[40.0, 0, 0], [60.0, 0, 0], [0, 50.0, 0], [0, 0, 50.0]])
    assert (logits.softmax(1).amax(1) == 1).all()
    labels = ClusterLabels(3)
    labels.add(logits.softmax(1), of([2, 1, 0, 0]))
    assert labels.most_probable.tolist() == [1, 0, 0]


def test_of_equally_sure_examples_the_first_counts_in_whatever_batches() -> None:
    rows = torch.tensor(sure([0, 0, 1], 2, sureness=0.75))
    for cuts in ([3], [1, 2], [1, 1, 1], [0, 3]):
        labels, y = ClusterLabels(2), of([2, 1, 0])
        for probabilities, classes in zip(rows.split(cuts), y.split(cuts), strict=True):
            labels.add(probabilities, classes)
        assert labels.most_probable.tolist() == [2, 0]
        assert labels.majority.tolist() == [1, 0]  # equally common: the smaller class


def test_a_cluster_that_is_never_used_costs_nothing_and_is_not_counted() -> None:
    validation = [Batch(images(sure([0, 0, 1], 4)), of([0, 0, 1]))]
    test = [Batch(images(sure([0, 1, 0], 4)), of([0, 1, 0]))]
    got = cluster_figures(model_with(4), validation, test)
    assert (got["cluster-error"].value, got["clusters-used"].value) == (0.0, 2.0)


def test_a_cluster_that_only_test_uses_takes_the_most_probable_examples_class() -> None:
    validation = [Batch(images([[0.9, 0.05, 0.05], [0.05, 0.6, 0.35]]), of([0, 2]))]
    test = [Batch(images(sure([2, 2], 3)), of([2, 2]))]
    got = cluster_figures(model_with(3), validation, test)
    assert (got["cluster-error"].value, got["cluster-error-majority"].value) == (0.0, 0.0)


def test_majority_nmi_and_ari_are_those_of_a_second_implementation() -> None:
    generator = torch.Generator().manual_seed(0)
    model, k = model_with(5), 5
    x = torch.randn(80, 1, 1, k + 1, generator=generator)
    y = torch.randint(3, (80,), generator=generator)
    clusters = x.flatten(1)[:, :k].argmax(1)
    got = cluster_figures(model, [Batch(x[:40], y[:40])], [Batch(x[40:50], y[40:50]), Batch(x[50:], y[50:])])
    named = {c: y[:40][clusters[:40] == c].mode().values.item() for c in range(k)}
    wrong = sum(named[c] != label for c, label in zip(clusters[40:].tolist(), y[40:].tolist()))
    assert got["cluster-error-majority"].value == pytest.approx(100 * wrong / 40)
    q = x.flatten(1)[:, :k].softmax(1)
    surest = y[q[:40].argmax(0)][clusters[40:]]
    assert got["cluster-error"].value == pytest.approx(100 * (surest != y[40:]).float().mean().item())
    truth, found = y[40:].numpy(), clusters[40:].numpy()
    assert got["nmi"].value == pytest.approx(normalized_mutual_info_score(truth, found))
    assert got["ari"].value == pytest.approx(adjusted_rand_score(truth, found))
    assert 0 < got["nmi"].value < 1


def test_nmi_and_ari_of_perfect_and_of_useless_clusters() -> None:
    y = [0, 0, 1, 1]
    validation = [Batch(images(sure([0, 1], 2)), of([0, 1]))]
    perfect = cluster_figures(model_with(2), validation, [Batch(images(sure([1, 1, 0, 0], 2)), of(y))])
    assert (perfect["nmi"].value, perfect["ari"].value, perfect["cluster-error"].value) == (1.0, 1.0, 100.0)
    useless = cluster_figures(model_with(2), validation, [Batch(images(sure([0, 1, 0, 1], 2)), of(y))])
    assert useless["nmi"].value == pytest.approx(0, abs=1e-12)
    assert useless["ari"].value == pytest.approx(-0.5)  # every pair disagrees: (0 − 2/3) / (2 − 2/3)
    assert useless["cluster-error"].value == 50.0


def test_unprepared_it_says_so() -> None:
    with pytest.raises(IncompatibleError, match="before it was prepared"):
        ClusterError()(model_with(2), [Batch(images(sure([0], 2)), of([0]))], torch.Generator())


# ------------------------------------------------------------------------------------------------ by name

JOINT = {"encoder.posterior": "joint", "encoder.categories": 10}


def test_a_joint_autoencoder_is_measured_by_name() -> None:
    model = zoo.build("autoencoder", data="digits", **JOINT)
    asked = ["classification-error", "cluster-error"]
    on_test = by_name(zoo.evaluate(model, "digits", asked, split="test"))
    assert set(on_test) == {
        "classification-error", "cluster-error", "cluster-error-majority", "nmi", "ari", "clusters-used",
    }  # fmt: skip
    assert on_test["classification-error"].value > 50  # untrained
    on_validation = by_name(zoo.evaluate(model, "digits", asked, split="validation"))
    assert on_validation["cluster-error"].protocol["chosen_on"] == "validation"
    majority = on_validation["cluster-error-majority"]
    assert majority.value <= on_validation["cluster-error"].value  # chosen on the measured examples themselves


def test_a_model_without_joint_codes_is_refused_by_name() -> None:
    model = zoo.build("vae-mlp", data="digits", latent_dim=2)
    with pytest.raises(IncompatibleError, match=r"posterior\.joint"):
        zoo.evaluate(model, "digits", ["cluster-error"])


def test_a_model_of_unlabelled_images_is_refused_by_name() -> None:
    model = zoo.build("autoencoder", image_size=32, **JOINT)
    with pytest.raises(IncompatibleError, match=r"classification-error.*takes data with classes"):
        zoo.evaluate(model, "digits", ["classification-error"])
