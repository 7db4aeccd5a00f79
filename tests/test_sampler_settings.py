"""A sampler's settings: in a recipe, by --set, in a config, and from a stranger's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo_core as zoo
from zoo_core.building.plan import plan
from zoo_core.cli import main
from zoo_core.errors import CatalogueError, ConfigError, SettingError, UnknownName, WeightsError
from zoo_core.hub.external import refuse_local_file
from zoo_core.hub.requirements import requirements
from zoo_core.registry.catalogue import Catalogue, core_source, read_catalogue
from zoo_core.registry.components import registry
from zoo_core.storage.config import check_config

SHAPE = (1, 8, 8)
SMALL: dict[str, Any] = {"encoder.hidden": [6], "decoder.hidden": [5], "latent_dim": 4, "image_shape": SHAPE}
WALK = {"name": "interpolation", "mode": "spherical", "steps": 3}
RECIPES = """format = 1
[recipes.walks]
like = "vae-mlp"
summary = "walks"
sampler = { name = "zoo-basics:interpolation", steps = 3 }
on.digits = { sampler = { name = "zoo-basics:interpolation", steps = 4 } }
on.other."sampler.mode" = "spherical"
[recipes.longer]
like = "walks"
summary = "longer walks"
sampler = { steps = 5 }
[recipes.draws]
like = "walks"
summary = "no walks"
sampler = "zoo-basics:prior"
[recipes.none]
like = "walks"
summary = "no pictures"
drop = ["sampler"]
[recipes.usual]
like = "walks"
summary = "walks of the usual length"
drop = ["sampler.steps"]
"""


def vae(**settings: Any) -> zoo.Model:
    return zoo.build("vae-mlp", **SMALL, **settings)


def catalogue_of(folder: Path, text: str = RECIPES) -> Catalogue:
    (folder / "registry.toml").write_text(text)
    return read_catalogue(core_source(), extra=folder / "registry.toml")


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("walks", None, {"steps": 3}),
        ("walks", "digits", {"steps": 4}),
        ("walks", "other", {"steps": 3, "mode": "spherical"}),
        ("longer", None, {"steps": 5}),
        ("usual", None, {}),
    ],
)
def test_a_recipe_sets_its_sampler(tmp_path: Path, name: str, data: str | None, expected: Mapping[str, Any]) -> None:
    made = plan(catalogue_of(tmp_path).recipe(name), {}, data=data)
    assert made.sampler is not None and (made.sampler.name, made.sampler.params) == (
        "zoo-basics:interpolation",
        expected,
    )


def test_a_recipe_with_another_sampler_than_the_one_it_is_like_leaves_the_settings_behind(tmp_path: Path) -> None:
    found = catalogue_of(tmp_path)
    assert (found.recipe("draws").sampler, found.recipe("draws").sampler_params) == ("zoo-basics:prior", {})
    assert (found.recipe("none").sampler, found.recipe("none").sampler_params) == ("", {})


@pytest.mark.parametrize(
    ("sampler", "says"),
    [
        ("3", "should be a name or a table with a name, is 3"),
        ("{ steps = 3 }", "has no name"),
        ("{ name = 3 }", "should be a text"),
        ('"no such name!"', "line 5"),
        ('{ name = "zoo-basics:prior", at = 1979-05-27 }', "is 1979-05-27"),
    ],
)
def test_a_sampler_that_is_none_is_refused_with_file_and_line(tmp_path: Path, sampler: str, says: str) -> None:
    text = f'format = 1\n[recipes.r]\nlike = "classifier"\nsummary = "s"\nsampler = {sampler}\n'
    with pytest.raises(CatalogueError, match=says):
        catalogue_of(tmp_path, text)


@pytest.mark.parametrize(
    "settings",
    [
        {"sampler": WALK},
        {"sampler": "interpolation", "sampler.mode": "spherical", "sampler.steps": 3},
        {"sampler": {"name": "interpolation", "steps": 9}, "sampler.mode": "spherical", "sampler.steps": 3},
    ],
)
def test_settings_reach_the_sampler_and_are_saved_with_all_the_others(settings: dict[str, Any], tmp_path: Path) -> None:
    model = vae(**settings)
    entry = model.config["sampler"]
    assert (entry["name"], entry["params"]) == ("zoo-basics:interpolation", {"mode": "spherical", "steps": 3})
    assert entry["version"] == registry().resolve("sampler", "interpolation").entry.version
    again = zoo.load(model.save(tmp_path / "saved"))
    assert again.config == model.config == zoo.build(model.config).config
    assert torch.equal(again.sample(6, seed=0), model.sample(6, WALK, seed=0))


def test_a_name_alone_stays_a_name_in_the_config() -> None:
    assert vae(sampler="interpolation").config["sampler"] == "zoo-basics:interpolation"


def test_what_is_asked_for_when_drawing_goes_before_what_the_config_says() -> None:
    model = vae(sampler=WALK)
    assert model.samples(6).columns == 3
    assert model.samples(6, {"steps": 2}).columns == 2
    assert model.samples(6, "interpolation").columns == 3
    assert model.samples(6, {"name": "interpolation", "steps": 2}).columns == 2
    assert model.samples(6, "prior").columns is None
    with pytest.raises(SettingError, match=r"sampler\.steps|steps: should be"):
        vae(**{"sampler": "interpolation", "sampler.steps": 1})


def test_a_model_without_a_sampler_has_none_to_set() -> None:
    with pytest.raises(SettingError, match=r"sampler\.steps: a classifier has no sampler; choose one"):
        zoo.build("classifier", image_shape=SHAPE, **{"sampler.steps": 3})


@pytest.mark.parametrize(
    ("sampler", "says"),
    [
        (3, "sampler should be a name or a table"),
        ({"name": "zoo-basics:prior"}, "format, version, params is missing"),
        ({"name": 1, "format": 1, "version": "1", "params": {}}, "name should be of type str"),
        (
            {"name": "zoo-basics:prior", "format": 1, "version": "1", "params": {}, "kind": "sampler"},
            "unknown key 'kind'",
        ),
    ],
)
def test_a_config_with_a_sampler_that_is_none_is_refused(sampler: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_config({**vae().config, "sampler": sampler})


def test_a_saved_sampler_of_a_newer_format_or_with_wrong_settings_is_refused() -> None:
    config = vae(sampler=WALK).config
    config["sampler"]["format"] = 99
    with pytest.raises(ConfigError, match="sampler was saved by zoo-basics"):
        zoo.build(config)
    config["sampler"] = {**config["sampler"], "format": 1, "params": {"stps": 3}}
    with pytest.raises(SettingError, match='did you mean "steps"'):
        zoo.build(config)
    with pytest.raises(UnknownName, match="no sampler"):
        zoo.build({**config, "sampler": {**config["sampler"], "name": "zoo-basics:nobody"}})


def test_the_plugin_of_a_sampler_with_settings_is_required_in_its_version() -> None:
    config = vae(sampler=WALK).config
    config["sampler"] = {**config["sampler"], "name": "zoo-elsewhere:walk", "version": "7"}
    assert [(one.plugin, one.version) for one in requirements(config) if one.installed is None] == [
        ("zoo-elsewhere", "7")
    ]


def test_settings_from_a_config_cannot_make_a_sampler_open_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cls = registry().resolve("sampler", "interpolation").entry.load()
    usual = cls.__init__

    def opening(self: Any, *, mode: str = "linear", steps: int = 8) -> None:
        refuse_local_file(tmp_path)
        usual(self, mode=mode, steps=steps)

    model = vae(sampler=WALK)
    monkeypatch.setattr(cls, "__init__", opening)
    with pytest.raises(WeightsError, match="nothing was opened"):
        model.sample(4)
    model.sample(4, cls(mode="linear"))


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = vae(sampler=WALK).save(tmp_path / "m")
    assert main(["sample", str(folder), "-n", "6", "--set", "steps=2", "--out", str(tmp_path / "a.png")]) == 0
    assert main(["sample", str(folder), "-n", "6", "--out", str(tmp_path / "b.png")]) == 0
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
    capsys.readouterr()
    assert main(["info", "vae-mlp"]) == 0
    assert main(["info", "autoencoder", "--json"]) == 0
    said = capsys.readouterr().out
    facts = json.loads(said[said.index("{\n") :])
    assert facts["sampler_parameters"]["steps"]["default"] == 8
    assert main(["train", "vae-mlp", "--data", "digits", "--set", "sampler.steps=2", "--out", str(tmp_path / "r")]) == 2
    assert "sampler.steps: PriorSampler has no such parameter" in capsys.readouterr().err
