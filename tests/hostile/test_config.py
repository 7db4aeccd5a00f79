"""Hostile config.json: whatever stands in it, a model comes out or one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

from zoo_core.errors import ZooError
from zoo_core.publishing.inspect import inspect
from zoo_core.registry.components import registry
from zoo_core.registry.parameter import parameters
from zoo_core.saving import load_folder
from zoo_core.storage.config import PART_KINDS, check_config, parse

from .budget import LONG, Attack, rounds
from .conftest import Victim
from .json_trees import NUMBERS, TEXTS, Table, damaged, torn, tree, values, written
from .watch import Watch

Victims = Callable[[str], Victim]


def loaded(victim: Victim) -> None:
    """Load it; what loads must be fit to be saved and loaded again."""
    config = load_folder(victim.folder).config
    check_config(parse(json.dumps(config, allow_nan=False), "config"))


def judge(watch: Watch, victim: Victim, config: bytes | str) -> None:
    """Both ways to look at a model with this config."""
    victim.put("config.json", config)
    watch.judge(lambda: inspect(victim.folder))
    watch.judge(lambda: loaded(victim))


@rounds
@pytest.mark.parametrize(("name", "cases"), [("vae", 300), ("discreg", 50), ("classifier", 50)])
def test_a_config_with_anything_in_any_place(
    name: str, cases: int, round: int, victim: Victims, watch: Watch, attack: Attack
) -> None:
    model = victim(name)
    sound = tree(json.loads((model.folder / "config.json").read_bytes()))
    attack(cases, damaged(sound).map(written), lambda text: judge(watch, model, text))


@rounds
def test_a_config_torn_and_patched(round: int, victim: Victims, watch: Watch, attack: Attack) -> None:
    model = victim("vae")
    sound = (model.folder / "config.json").read_bytes()
    attack(150, torn(sound), lambda content: judge(watch, model, content))


@rounds
def test_a_training_table_with_anything_in_it(round: int, victim: Victims, watch: Watch, attack: Attack) -> None:
    model = victim("vae")
    config = tree(json.loads((model.folder / "config.json").read_bytes()))
    training = dict(config)["training"]

    def judged(hostile: Any) -> None:
        judge(
            watch, model, written(Table([*(pair for pair in config if pair[0] != "training"), ["training", hostile]]))
        )

    attack(150, damaged(training), judged)


def every_parameter() -> list[tuple[str, str, str]]:
    """(kind, component, parameter) of every component that a config may name."""
    return [
        (kind, entry.qualified, parameter)
        for kind in (*PART_KINDS, "objective")
        for entry in registry().entries(kind)
        if not entry.family
        for parameter in parameters(entry.load())
    ]


@rounds
def test_every_parameter_of_every_component_with_any_value(
    round: int, victim: Victims, watch: Watch, attack: Attack
) -> None:
    model = victim("vae")
    sound = json.loads((model.folder / "config.json").read_bytes())

    def judged(case: tuple[tuple[str, str, str], Any]) -> None:
        (kind, component, parameter), value = case
        config = json.loads(json.dumps(sound))
        entry = {"name": component, "format": 1, "version": "0", "params": {parameter: "HERE"}}
        if kind == "objective":
            config["objectives"]["other"] = entry
        else:
            slot = kind if kind in config["parts"] else "classifier"
            config["parts"][slot] = {"kind": kind, **entry, "trainable": False}
        judge(watch, model, json.dumps(config).replace('"HERE"', written(value)))

    cases = st.tuples(st.sampled_from(every_parameter()), st.one_of(st.sampled_from(NUMBERS), values))
    attack(150, cases, judged)


@rounds
def test_any_name_as_any_component(round: int, victim: Victims, watch: Watch, attack: Attack) -> None:
    model = victim("vae")
    sound = json.loads((model.folder / "config.json").read_bytes())
    names = st.one_of(
        st.sampled_from(TEXTS), st.text(max_size=20), st.from_regex(r"[a-z-]{1,9}[:./][a-z_.:/-]{1,20}", fullmatch=True)
    )

    def judged(case: tuple[str, str, str]) -> None:
        kind, slot, name = case
        config = json.loads(json.dumps(sound))
        config["parts"][slot] = {**config["parts"].get(slot, config["parts"]["encoder"]), "kind": kind, "name": name}
        judge(watch, model, json.dumps(config))

    cases = st.tuples(
        st.sampled_from(PART_KINDS), st.sampled_from(("encoder", "prior", "classifier", "forward")), names
    )
    attack(150, cases, judged)


@pytest.mark.parametrize(("name", "side"), [("celeba-classifier", 700), ("small-cnn", 4096)])
def test_a_config_that_is_wrong_is_not_tried_with_memory(name: str, side: int, victim: Victims, watch: Watch) -> None:
    model = victim("vae")
    config = json.loads((model.folder / "config.json").read_bytes())
    layers = ["logits"] if name == "celeba-classifier" else ["conv3"]
    entry = {"name": f"zoo-features:{name}", "format": 1, "version": "0", "params": {"layers": layers}}
    config["parts"]["classifier"] = {"kind": "feature-extractor", **entry}
    config["parts"]["prior"]["params"]["latent_dim"] = 5  # does not fit, and is looked at when all parts are built
    config["image_shape"] = [1, side, side]
    model.put("config.json", json.dumps(config))
    assert isinstance(watch.judge(lambda: load_folder(model.folder)), ZooError)


@pytest.mark.skipif(not LONG, reason="only in a longer run: importing timm takes seconds")
@rounds
def test_nets_of_other_libraries_with_any_parameter(round: int, victim: Victims, watch: Watch, attack: Attack) -> None:
    model = victim("vae")
    sound = json.loads((model.folder / "config.json").read_bytes())
    nets = (
        "torchvision/squeezenet1_1",
        "torchvision/resnet18",
        "torchvision/swin_t",
        "timm/resnet10t",
        "timm/vit_tiny_patch16_224",
        "timm/x",
    )

    def judged(case: tuple[str, str, Any, Any]) -> None:
        net, parameter, value, shape = case
        config = json.loads(json.dumps(sound))
        entry = {"name": f"zoo-features:{net}", "format": 1, "version": "0", "params": {parameter: "HERE"}}
        config["parts"]["classifier"] = {"kind": "feature-extractor", **entry, "trainable": False}
        config["image_shape"] = shape
        judge(watch, model, json.dumps(config).replace('"HERE"', written(value)))

    shapes = st.sampled_from(([1, 8, 8], [3, 32, 32], [3, 224, 224], [3, 4096, 4096], [64, 1, 1]))
    layers = st.lists(
        st.one_of(st.sampled_from(("stages", "last", "logits", "layer1", "features")), st.integers(-9, 9)), max_size=3
    )
    attack(
        15,
        st.tuples(st.sampled_from(nets), st.sampled_from(("layers", "size", "x")), st.one_of(layers, values), shapes),
        judged,
    )
