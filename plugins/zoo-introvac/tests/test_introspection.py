"""The objective by itself: what it moves, when it begins, and whose statistics it leaves alone."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import nn

import zoo_core as zoo
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import Batch, Labels, Objective, Part
from zoo_core.noise import KeyedNoise

LABELS = Labels("attributes", ("a", "b"))
SHAPE = (1, 8, 8)
NETS: dict[str, Any] = {
    "encoder": {"name": "resnet", "width": 2},
    "decoder": {"name": "mlp", "hidden": [8], "sigma": "fixed"},
    "latent_dim": 4,
}


def build(labels: Labels = LABELS, **settings: Any) -> zoo.Model:
    given = {f"objective.introspection.{key}": value for key, value in settings.items()}
    model = zoo.build(
        "introvac", image_shape=SHAPE, labels=labels, **NETS, **{"objective.introspection.start": 0.0, **given}
    )
    return model.train()


def step_of(model: zoo.Model, progress: float = 0.0, **batch: Any) -> Step:
    x = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(0))
    given = batch or {"attributes": torch.tensor([[1, 0]] * 6, dtype=torch.int8)}
    parts = {**model.parts, **model.objectives}
    return Step(
        cast(dict[str, Part], parts),
        Batch(x, **given),
        KeyedNoise(0, 0),
        retained_values=frozenset({"introspection:codes"}),
        progress=progress,
    )


def names(model: zoo.Model, step: Step, loss: str) -> list[str]:
    return [term.name for term in cast(Objective, model.objectives["introspection"]).terms(loss, step)]


@pytest.mark.parametrize(("statistics", "forwards"), [("all", 5), ("data", 1)])
def test_which_images_move_the_encoders_running_statistics(statistics: str, forwards: int) -> None:
    """Data, and twice both the reconstructions and the generated."""
    model = build(statistics=statistics)
    step = step_of(model)
    for loss in ("fit", "fool"):
        names(model, step, loss)
    counts = {
        int(layer.num_batches_tracked)
        for layer in model.parts["encoder"].modules()
        if isinstance(layer, nn.BatchNorm2d)
    }
    assert counts == {forwards}


def test_the_game_begins_at_its_start() -> None:
    model = build(start=0.5)
    early, late = step_of(model, 0.4), step_of(model, 0.5)
    assert names(model, early, "fit") == ["real"] and names(model, early, "fool") == []
    assert names(model, late, "fit") == ["real", "fake_reconstruction", "fake_generated"]
    assert names(model, late, "fool") == ["class", "reconstruction", "generated"]


def test_the_decoder_alone_is_moved_by_fool_and_never_by_its_own_on_fit() -> None:
    model = build()
    step = step_of(model)
    objective = cast(Objective, model.objectives["introspection"])
    decoder = [p for p in model.parts["decoder"].parameters() if p.requires_grad]
    for term in objective.terms("fit", step):
        assert all(g is None for g in torch.autograd.grad(term.value, decoder, allow_unused=True, retain_graph=True))
    for term in objective.terms("fool", step):
        assert term.grad_parts == {"decoder"}
        assert any(
            g is not None for g in torch.autograd.grad(term.value, decoder, allow_unused=True, retain_graph=True)
        )


def test_without_a_turn_of_fit_on_this_batch_the_codes_are_the_encoders_as_it_is() -> None:
    model = build()
    assert names(model, step_of(model), "fool") == ["class", "reconstruction", "generated"]


def test_attributes_that_are_not_known_are_left_out_of_the_class_term() -> None:
    model = build()
    unknown = torch.full((6, 2), -1, dtype=torch.int8)
    half = torch.tensor([[1, -1]] * 6, dtype=torch.int8)
    values = {}
    for told, attributes in (("none", unknown), ("one", half)):
        step = step_of(model, attributes=attributes)
        terms = {
            t.name: float(t.value.detach())
            for t in cast(Objective, model.objectives["introspection"]).terms("fool", step)
        }
        values[told] = terms["class"]
    assert values["none"] == 0 < values["one"]


def test_a_head_of_another_number_of_labels_is_refused() -> None:
    model = build()
    objective = type(model.objectives["introspection"])
    with pytest.raises(IncompatibleError, match="3 logits for 3 labels"):
        objective(parts=cast(Any, model.parts), labels=Labels("attributes", ("a", "b", "c")))
