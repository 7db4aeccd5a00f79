"""On a device without float64, as Apple's MPS is, everything works: training, metrics, plots, samplers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

import zoo_core as zoo
from zoo_core.data import ArrayDataset, AttributeSet
from zoo_core.devices.doubles import float64, has_float64
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Dataset
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry
from zoo_core.testing.recipes import data_of_recipe

from .no_float64 import DEVICE, NoFloat64

SMALL: dict[str, Any] = {"encoder.hidden": [8], "decoder.hidden": [8]}
CRITIC: dict[str, Any] = {**SMALL, "objective.adversarial-prior.hidden": [8]}
HEADS: dict[str, Any] = {"encoder.hidden": [8], "decoder.net.hidden": [8], "objective.adversarial-prior.hidden": [8]}
MODELS: dict[str, dict[str, Any]] = {
    "vae-mlp": SMALL,
    "aae-labelled": CRITIC,
    "aae-clusters": CRITIC,
    "aae-supervised": CRITIC,
    "aae-semi": CRITIC,
    "aae-dimred": HEADS,
    "classifier": {},
    "gan": {"decoder": {"name": "mlp", "hidden": [8]}, "discriminator": {"name": "mlp", "hidden": [8]}},
    "vac": {"encoder": {"name": "mlp", "hidden": [8]}, "decoder": {"name": "mlp", "hidden": [8]}, "latent_dim": 4},
    "gibbsnet-attributes": {
        "encoder": {"name": "mlp", "hidden": [8], "conditional": True},
        "decoder": {"name": "mlp", "hidden": [8], "attributes": True},
        "latent_dim": 4,
    },
    "fortified-classifier-small": {},
    "dfm-gan": {"decoder": {"name": "mlp", "hidden": [8]}, "discriminator": {"name": "mlp", "hidden": [8]}},
}
SETTINGS: dict[str, dict[str, Any]] = {"feature-error": {"extractor": "digit-classifier"}}
"""Of what its first example does not say."""


T = TypeVar("T")


@cache
def digits() -> ArrayDataset:
    train = zoo.open_dataset("digits").split("train")
    return ArrayDataset(train.x[:200], train.y[:200])


@cache
def with_attributes() -> AttributeSet:
    return AttributeSet(digits(), "round=0|6|8|9,even=0|2|4|6|8")


def data_for(model: zoo.Model) -> Dataset:
    return with_attributes() if model.labels.type == "attributes" else digits()


def built(recipe: str) -> zoo.Model:
    told = data_of_recipe(recipe)["labels"].type == "attributes"
    return zoo.build(recipe, data=with_attributes() if told else digits(), **MODELS[recipe])


def official(kind: str) -> list[str]:
    return [
        entry.name
        for entry in registry().entries(kind)
        if entry.plugin in catalogue().plugins and not entry.family and "image" in entry.load().tags.modalities
    ]


def spec(kind: str, name: str) -> dict[str, Any]:
    example = registry().resolve(kind, name).entry.load().examples()[0]
    return {"name": name, **example, **SETTINGS.get(name, {})}


def fitting(use: Callable[[zoo.Model], T]) -> tuple[zoo.Model, T]:
    """The first model that ``use`` takes, and what it gave, on the CPU."""
    for recipe in MODELS:
        model = built(recipe)
        try:
            return model, use(model)
        except IncompatibleError:
            continue
    raise AssertionError("no model is taken")


def test_the_device_refuses_float64_and_what_lies_elsewhere() -> None:
    """Else the tests below would show nothing."""
    with NoFloat64():
        x = torch.ones(3, device=DEVICE)
        assert x.device == DEVICE and x.cpu().device.index is None and not has_float64(DEVICE)
        for wrong in (x.double, lambda: torch.zeros(2, dtype=torch.float64, device=DEVICE)):
            with pytest.raises(TypeError, match="no float64"):
                wrong()
        with pytest.raises(RuntimeError, match="and on the CPU"):
            x + torch.ones(3)


def test_float64_is_computed_where_there_is_some() -> None:
    x = torch.rand(3)
    assert torch.equal(float64(x), x.double()) and has_float64(x.device)
    with NoFloat64():
        wide = float64(x.to(DEVICE))
        assert wide.dtype == torch.float64 and wide.device == torch.device("cpu") and torch.equal(wide, x.double())


@pytest.mark.parametrize("recipe", MODELS)
def test_models_are_trained_and_validated(recipe: str) -> None:
    """To the weights of the CPU, but for rounding. (Without a run folder: what is no tensor of torch's own cannot be saved.)"""
    settings = {"epochs": 1, "batch_size": 40, "progress": False}
    model = built(recipe)
    expected = zoo.train(model, data_for(model), device="cpu", **settings)
    with NoFloat64():
        run = zoo.train(built(recipe), data_for(model), device=DEVICE, **settings)
        weights = {name: weight.cpu() for name, weight in run.model.state_dict().items()}
    assert run.model.device == DEVICE
    assert run.validation == pytest.approx(expected.validation, rel=1e-4)
    assert (run.diversity is None) == (expected.diversity is None)
    for name, weight in expected.model.state_dict().items():
        torch.testing.assert_close(weights[name], weight, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("metric", official("metric"))
def test_metrics_measure_what_they_do_on_the_cpu(metric: str) -> None:
    def measured(model: zoo.Model, device: Any = "cpu") -> list[tuple[str, float]]:
        figures = zoo.evaluate(model, data_for(model), [spec("metric", metric)], split="validation", device=device)
        return [(figure.name, figure.value) for figure in figures]

    model, expected = fitting(measured)
    with NoFloat64():
        found = measured(model, DEVICE)
    assert found == [(name, pytest.approx(value, rel=1e-3, abs=1e-4)) for name, value in expected]


@pytest.mark.parametrize("plot", [name for name in official("plot") if name != "curves"])
def test_plots_are_drawn(plot: str, tmp_path: Path) -> None:
    """(Curves are of a run's log, and touch no device.)"""

    def draw(model: zoo.Model, device: Any = "cpu") -> None:
        zoo.plot(model, data_for(model), spec("plot", plot), out=tmp_path / "figure.png", limit=20, device=device)

    model, _ = fitting(draw)
    (tmp_path / "figure.png").unlink()
    with NoFloat64():
        draw(model, DEVICE)
    assert (tmp_path / "figure.png").stat().st_size


@pytest.mark.parametrize("sampler", official("sampler"))
def test_samplers_draw_what_they_do_on_the_cpu(sampler: str) -> None:
    x = digits().split("train").x[:8] / 255

    def drawn(model: zoo.Model) -> torch.Tensor:
        chosen = model.sampler(spec("sampler", sampler))
        given = {"x": x.to(model.device)} if "x" in chosen.conditions else {}
        return model.samples(4, chosen, seed=0, **given).x.cpu()

    model, expected = fitting(drawn)
    with NoFloat64():
        found = drawn(model.to(DEVICE))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
