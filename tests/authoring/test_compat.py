"""A plugin that was written for the names of before goes on working, and is told the new ones."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable

import pytest

import zoo_core as zoo
from zoo_core import compat
from zoo_core.errors import IncompatibleError
from zoo_core.registry.components import registry
from zoo_core.testing.running import component_checks, run_check

Install = Callable[..., None]

HOOK = """
@hookimpl
def register_components(register):
    register("objective", "before", "zoo_before_parts:Before", summary="written for the names of before")
    register("metric", "before", "zoo_before_parts:Count", summary="written for the names of before")
"""
PARTS = """
import torch
from zoo_core.distributions import promote
from zoo_core.errors import SeamError
from zoo_core.interfaces import Figure, Metric, Need, Objective, Term
from zoo_core.pictures import grid
from zoo_core.registry import registry


class Before(Objective):
    "Squared error."

    needs = {"encoder": Need("encoder"), "decoder": Need("decoder")}
    own_loss = "fit"
    looks_back = frozenset({"reconstruction"})

    @classmethod
    def asks(cls, params):
        return cls.needs

    def terms(self, loss, step):
        start = step.aside(lambda: step.part("encoder")(step.x)).detach()
        yield Term("error", promote(step.reconstruction() - step.x).square().mean() + 0 * start.mean())


class Count(Metric):
    def __call__(self, model, batches, generator):
        with model.at_rest():
            return [Figure("count", float(sum(len(batch) for batch in batches)), "examples")]
"""


@pytest.fixture
def before(install: Install) -> None:
    install("zoo-before", HOOK, modules={"zoo_before_parts": PARTS})


def test_it_trains_and_is_measured(before: None) -> None:
    with pytest.warns(FutureWarning) as told:
        model = zoo.build(
            "vae-mlp", data="digits", objective="before", **{"encoder.hidden": [4], "decoder.hidden": [4]}
        )
        zoo.train(model, "digits", epochs=1, progress=False)
        (count,) = zoo.evaluate(model, "digits", metrics=["before"])
    assert count.value == 250
    said = " ".join(str(one.message) for one in told)
    for new in ("to_float32", "IncompatibleError", "MetricResult", "drawing.grids", "registry.components", "isolated", "retained_values",
                "trained_by", "needs_for", "evaluating"):  # fmt: skip
        assert new in said, new


def test_its_objective_passes_the_kit(before: None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        found = [run_check(bound, None) for bound in component_checks(registry().resolve("objective", "before").entry)]
    assert [f"{one.check}: {one.reason}" for one in found if one.status == "failed"] == [] and len(found) > 10


@pytest.mark.parametrize(("old", "new"), sorted(compat.MOVED.items()))
def test_every_module_is_found_where_it_was(old: str, new: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        then, now = importlib.import_module(f"zoo_core.{old}"), importlib.import_module(f"zoo_core.{new}")
        own = [
            name
            for name, value in vars(now).items()
            if getattr(value, "__module__", None) == now.__name__ and name[0] != "_"
        ]
        assert own and all(getattr(then, name) is getattr(now, name) for name in own)


def test_an_old_name_is_the_new_thing_and_a_wrong_one_is_nothing() -> None:
    with pytest.warns(FutureWarning, match=r"SeamError is called zoo_core.errors.IncompatibleError now"):
        from zoo_core.errors import SeamError  # type: ignore[attr-defined]
    assert SeamError is IncompatibleError
    with pytest.raises(ImportError):
        from zoo_core.errors import SemError  # type: ignore[attr-defined]  # noqa: F401
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("zoo_core.nowhere")
    with pytest.raises(AttributeError, match="'Model' object has no attribute 'asides'"):
        _ = zoo.build("vae-mlp", image_shape=(1, 8, 8)).asides


def test_the_zoo_itself_uses_none_of_them() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        model = zoo.build("vae-mlp", data="digits", **{"encoder.hidden": [4], "decoder.hidden": [4]})
        zoo.train(model, "digits", epochs=1, progress=False)
