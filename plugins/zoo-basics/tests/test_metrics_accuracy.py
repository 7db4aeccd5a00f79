"""Accuracy of single classes and attributes, against closed forms and scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from sklearn import metrics
from torch import Tensor
from zoo_basics.metrics.accuracy import Accuracy

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.interfaces import Batch, FeatureExtractor, Labels, MetricResult

SHAPE = (1, 2, 2)


class Says(FeatureExtractor):
    """Gives the first pixels of each image as its logits."""

    def __init__(self, count: int, labels: Labels | None = None) -> None:
        super().__init__()
        self.layers, self.shapes, self.labels = ("logits",), {"logits": (count,)}, labels or Labels()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x.flatten(1)[:, : self.shapes["logits"][0]] - 0.5,)


def by_name(figures: list[MetricResult]) -> dict[str, MetricResult]:
    return {figure.name: figure for figure in figures}


def pieces(batch: Batch) -> list[Batch]:
    return [batch.rows(0, 1), batch.rows(1, 30), batch.rows(30, len(batch))]


def test_rates_of_an_attribute_are_those_counted_by_hand(
    model_of: Callable[..., Any], generator: torch.Generator
) -> None:
    model = model_of(SHAPE, Labels("attributes", ("Smiling", "Male")), classifier=Says(2))
    x = torch.zeros(10, *SHAPE)
    x[:4, 0, 0, 1] = 1  # said to be male: the first four
    truth = torch.tensor([[0, 1]] * 3 + [[0, 0]] + [[0, 1]] + [[0, 0]] * 3 + [[0, -1]] * 2, dtype=torch.int8)
    found = by_name(Accuracy(attributes=("Male",))(model, [Batch(x, attributes=truth)], generator))
    # Of 8 known: 3 true positives, 1 false negative, 1 false positive, 3 true negatives.
    assert found["recall/Male"].value == pytest.approx(3 / 4)
    assert found["specificity/Male"].value == pytest.approx(3 / 4)
    assert found["balanced-accuracy/Male"].value == pytest.approx(3 / 4)
    assert found["accuracy/Male"].value == pytest.approx(6 / 8)
    assert found["recall/Male"].std == pytest.approx((0.75 * 0.25 / 3) ** 0.5)
    assert found["recall/Male"].protocol == {"examples": 8, "positives": 4}
    assert not any(name.endswith("Smiling") for name in found) and "accuracy" in found


def test_rates_of_all_attributes_equal_scikit_learn_s(model_of: Callable[..., Any], generator: torch.Generator) -> None:
    names = ("a", "b", "c")
    model = model_of(SHAPE, Labels("attributes", names), classifier=Says(3))
    x, truth = torch.rand(200, *SHAPE), (torch.rand(200, 3) < 0.3).to(torch.int8)
    found = by_name(Accuracy(attributes="all")(model, pieces(Batch(x, attributes=truth)), generator))
    for i, name in enumerate(names):
        said, so = (x.flatten(1)[:, i] > 0.5).numpy(), truth[:, i].numpy()
        assert found[f"recall/{name}"].value == pytest.approx(metrics.recall_score(so, said), abs=1e-12)
        assert found[f"specificity/{name}"].value == pytest.approx(
            metrics.recall_score(so, said, pos_label=0), abs=1e-12
        )
        assert found[f"balanced-accuracy/{name}"].value == pytest.approx(
            metrics.balanced_accuracy_score(so, said), abs=1e-12
        )
        assert found[f"accuracy/{name}"].value == pytest.approx(metrics.accuracy_score(so, said), abs=1e-12)


def test_rates_of_classes_equal_scikit_learn_s(model_of: Callable[..., Any], generator: torch.Generator) -> None:
    names = ("cat", "dog", "emu")
    model = model_of(SHAPE, Labels("classes", names), classifier=Says(3))
    x, y = torch.rand(200, *SHAPE), torch.randint(-1, 3, (200,))
    found = by_name(Accuracy(classes="all")(model, pieces(Batch(x, y=y)), generator))
    said, so = x.flatten(1)[:, :3].argmax(1)[y >= 0].numpy(), y[y >= 0].numpy()
    recalls = metrics.recall_score(so, said, average=None)
    for i, name in enumerate(names):
        assert found[f"recall/{name}"].value == pytest.approx(recalls[i], abs=1e-12)
        assert found[f"specificity/{name}"].value == pytest.approx(
            metrics.recall_score(so == i, said == i, pos_label=0), abs=1e-12
        )
    mean = sum(found[f"recall/{name}"].value for name in names) / 3
    assert mean == pytest.approx(metrics.balanced_accuracy_score(so, said), abs=1e-12)


def test_a_rate_over_no_example_is_left_out(model_of: Callable[..., Any], generator: torch.Generator) -> None:
    model = model_of(SHAPE, Labels("attributes", ("a",)), classifier=Says(1))
    truth = torch.zeros(6, 1, dtype=torch.int8)
    found = by_name(Accuracy(attributes=("a",))(model, [Batch(torch.rand(6, *SHAPE), attributes=truth)], generator))
    assert set(found) == {"accuracy", "accuracy/a", "specificity/a"}


def test_a_classifier_that_knows_more_classes_is_asked_by_name(
    model_of: Callable[..., Any], generator: torch.Generator
) -> None:
    own = Labels("classes", ("emu", "dog", "newt", "cat"))
    model = model_of(SHAPE, Labels("classes", ("cat", "dog")), classifier=Says(4, own))
    x = torch.zeros(3, *SHAPE)
    x[0, 0, 1, 1], x[1, 0, 0, 1], x[2, 0, 0, 0] = 0.9, 0.9, 1.0  # cat, dog, emu
    x[2, 0, 1, 1] = 0.8  # of cat and dog, rather a cat
    (figure,) = Accuracy()(model, [Batch(x, y=torch.tensor([0, 1, 0]))], generator)
    assert figure.value == 1
    model = model_of(SHAPE, Labels("classes", ("cat", "eel")), classifier=Says(4, own))
    with pytest.raises(
        IncompatibleError, match="was trained with the classes emu, dog, newt, cat; the model has the classes cat, eel"
    ):
        Accuracy()(model, [Batch(x, y=torch.tensor([0, 1, 0]))], generator)


def test_a_classifier_that_is_trained_along_is_asked_by_position(
    model_of: Callable[..., Any], generator: torch.Generator
) -> None:
    classifier = Says(2, Labels("classes", ("emu", "newt")))
    classifier.scale = torch.nn.Parameter(torch.ones(()))
    model = model_of(SHAPE, Labels("classes", ("cat", "dog")), classifier=classifier)
    model.parts["classifier"].requires_grad_(True)
    x = torch.zeros(1, *SHAPE)
    x[0, 0, 0, 1] = 1
    (figure,) = Accuracy()(model, [Batch(x, y=torch.tensor([1]))], generator)
    assert figure.value == 1


def test_a_name_that_there_is_not_is_refused_with_the_nearest(
    model_of: Callable[..., Any], generator: torch.Generator
) -> None:
    model = model_of(SHAPE, Labels("attributes", ("Smiling", "Male")), classifier=Says(2))
    with pytest.raises(SettingError, match="the model has no 'Mail'") as refused:
        Accuracy(attributes=("Mail",))(model, [], generator)
    assert "Male" in str(refused.value.hint)
    with pytest.raises(SettingError, match=r"accuracy\.classes: the model has attributes, and no classes"):
        Accuracy(classes="all")(model, [], generator)


def test_the_command_line_takes_names(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model = zoo.build(
        "classifier", data="digits", image_size=8, classifier={"name": "small-cnn", "width": 4, "hidden": 8}
    )
    model.save(tmp_path / "model")
    line = ["eval", str(tmp_path / "model"), "--data", "digits", "--metric", "accuracy", "--limit", "50"]
    assert main([*line, "--set", 'accuracy.classes=["3"]']) == 0
    out = capsys.readouterr().out
    assert "recall/3" in out and "balanced-accuracy/3" in out and "recall/4" not in out
    assert main([*line, "--set", 'accuracy.classes=["x"]']) != 0
    assert "the model has no 'x'" in capsys.readouterr().err
