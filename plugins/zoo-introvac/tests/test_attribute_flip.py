"""The metric `attribute-flip` and the plot `edits`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from zoo_introvac.editing import edit, probability
from zoo_introvac.metrics.attribute_flip import AttributeFlip
from zoo_introvac.plots.edits import Edits

import zoo_core as zoo
from zoo_core.errors import SettingError
from zoo_core.interfaces import Batch

from .conftest import Trained


def measured(trained: Trained, *, sizes: tuple[int, ...] = (400,), **settings: Any) -> dict[str, float]:
    batches, start = [], 0
    for size in sizes:
        rows = slice(start, start + size)
        batches.append(Batch(trained.x[rows], attributes=trained.attributes[rows].to(torch.int8)))
        start += size
    with trained.model.evaluating():
        figures = AttributeFlip(**settings)(trained.model, batches, torch.Generator())
    return {figure.name: figure.value for figure in figures}


def test_shares_are_those_of_edited_pictures(trained: Trained) -> None:
    model, x, has = trained.model, trained.x, trained.attributes[:, 0]
    found = measured(trained, deltas=(3.0,))
    added = probability(model, edit(model, x[~has], right=3.0).clamp(0, 1), "right") > 0.5
    assert found["attribute-added-right-3"] == pytest.approx(100 * added.double().mean().item())
    kept = has & (probability(model, model.reconstruct(x), "right") > 0.5)
    removed = probability(model, edit(model, x[kept], right=-3.0).clamp(0, 1), "right") <= 0.5
    assert found["attribute-removed-right-3"] == pytest.approx(100 * removed.double().mean().item())
    assert found["attribute-kept-right"] == pytest.approx(100 * (kept.sum() / has.sum()).item())


def test_more_of_it_flips_more_and_changes_less_than_another_picture(trained: Trained) -> None:
    found = measured(trained, deltas=(0.5, 5.0))
    for name in ("right", "large"):
        assert found[f"attribute-added-{name}-0.5"] < found[f"attribute-added-{name}-5"] == 100
        assert found[f"attribute-others-{name}-0.5"] < found[f"attribute-others-{name}-swap"] / 3
        assert min(found[f"attribute-recall-{name}"], found[f"attribute-specificity-{name}"]) > 95


def test_figures_do_not_depend_on_how_images_are_batched(trained: Trained) -> None:
    whole = measured(trained, deltas=(2.0,), images=300)
    assert measured(trained, sizes=(7, 193, 200), deltas=(2.0,), images=300) == pytest.approx(whole)


def test_a_judge_is_another_models_classifier(trained: Trained, tmp_path: Path) -> None:
    net = {"name": "small-cnn", "width": 2, "hidden": 8}
    judge = zoo.build(
        "classifier", image_shape=(1, 8, 8), labels=trained.model.labels, classifier=net, objective=["attribute-bce"]
    )
    folder = str(judge.save(tmp_path / "judge"))
    batch = Batch(trained.x, attributes=trained.attributes.to(torch.int8))
    with trained.model.evaluating():
        metric = AttributeFlip(judge=folder, attributes=("large",), deltas=(2.0,))
        figures = {figure.name: figure for figure in metric(trained.model, [batch], torch.Generator())}
    assert {name.split("-")[2] for name in figures} == {"large"}
    recall = figures["attribute-recall-large"]
    judged = judge.eval().parts["classifier"].features(trained.x[trained.attributes[:, 1]])["logits"][:, 1] > 0
    assert recall.value == pytest.approx(100 * judged.double().mean().item())
    assert recall.protocol["judge_sha256"] and recall.protocol["images"] == 400


def test_an_attribute_that_is_none_is_refused(trained: Trained) -> None:
    with pytest.raises(SettingError, match="no attribute"):
        measured(trained, attributes=("larg",))


def test_a_sheet_for_each_attribute(trained: Trained) -> None:
    plot = Edits(deltas=(-2.0, 2.0), images=3)
    figure = Figure(figsize=plot.size(trained.model))
    with trained.model.evaluating():
        plot.draw(figure, trained.model, [Batch(trained.x[:2]), Batch(trained.x[2:9])], torch.Generator())
    assert [panel.get_ylabel() for panel in figure.axes] == ["right", "large"]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["image", "δ = 0", "-2", "+2"]
