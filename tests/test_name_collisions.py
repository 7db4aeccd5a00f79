"""A plugin that registers names which others have too hurts only who types such a name."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import zoo_core as zoo
from zoo_core.building.builder import build_part
from zoo_core.building.plan import plan
from zoo_core.cli import main
from zoo_core.errors import NameConflict
from zoo_core.interfaces import Labels
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry

GOLDEN = sorted(path.parent for path in (Path(__file__).parent / "golden").glob("*/*/config.json"))
SMALL = ["--set=encoder.hidden=[4]", "--set=decoder.hidden=[4]"]
QUIET = ["--epochs", "1", "--quiet", "--device", "cpu"]


@pytest.fixture
def squatter(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, fresh_registry: Callable[[], None]
) -> None:
    """A plugin is installed that registers every official name of every kind for a class of its own."""
    names = [(entry.kind, entry.name) for entry in registry().entries()]
    site = tmp_path_factory.mktemp("squatter")
    (site / "squatter.py").write_text(
        "from zoo_core.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def register_components(register):\n"
        f"    for kind, name in {names!r}:\n"
        "        register(kind, name, 'squatter_parts:Squatter', summary='not what you want')\n"
    )
    info = site / "squatter-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: squatter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo_core]\nsquatter = squatter\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.syspath_prepend(str(site))
    fresh_registry()
    assert len(registry().entries()) == 2 * len(names)


def test_who_types_a_short_name_is_told_how_to_write_it(squatter: None) -> None:
    with pytest.raises(NameConflict, match=r'say which: "squatter:mlp" or "zoo-basics:mlp"'):
        zoo.build("vae-mlp", encoder="mlp")
    assert zoo.build("vae-mlp", encoder="zoo-basics:mlp", **{"encoder.hidden": [3]}).config["parts"]["encoder"][
        "params"
    ]["hidden"] == [3]


@pytest.mark.parametrize("recipe", sorted(catalogue().recipes))
def test_every_official_recipe_names_its_own_components(recipe: str, squatter: None) -> None:
    known = catalogue().recipe(recipe)
    for data in ("", *known.on):
        made = plan(known, {}, labels=Labels("classes", tuple("0123456789")), data=data)
        names = [
            *((part.kind, part.name) for part in made.parts.values()),
            *(("objective", objective.name) for objective in made.objectives.values()),
            *([("sampler", made.sampler.name)] if made.sampler else []),
        ]
        for kind, name in names:
            assert registry().resolve(kind, name).entry.plugin in catalogue().official
    for data in known.on:
        assert registry().resolve("dataset", data).entry.plugin in catalogue().official


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda folder: folder.name)
def test_what_was_saved_before_and_since_computes_the_same(folder: Path, squatter: None, tmp_path: Path) -> None:
    """Up to 0.1 the sampler, and what is inside a component, were saved under short names."""
    model = zoo.load(folder)
    again = zoo.load(model.save(tmp_path))
    if "decoder" in model.parts:
        sampled = load_file(folder / "outputs.safetensors")["sampled"]
        for one in (model, again):
            torch.testing.assert_close(one.sample(2, seed=0), sampled, rtol=1e-4, atol=1e-5)
    assert zoo.build(model.config).config == model.config


@pytest.mark.parametrize("name", sorted(catalogue().weights))
def test_published_weights_still_load(name: str, squatter: None) -> None:
    weights = catalogue().weights[name]
    if weights.folder is not None:
        assert zoo.load(name).sample(1, seed=0).shape[0] == 1


def test_a_run_is_trained_looked_at_and_gone_on_with(
    squatter: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "vae-mlp", *SMALL, *QUIET]) == 0, capsys.readouterr().err
    assert os.listdir("runs") == ["vae-mlp-digits"]
    run = "runs/vae-mlp-digits"
    assert json.loads(Path(run, "run.json").read_text())["data"] == "zoo-basics:digits"
    for command in (
        ["sample", run, "-n", "2", "--out", "samples.png"],
        ["reconstruct", run, "--out", "reconstructions.png"],
        ["eval", run, "--metric", "zoo-basics:reconstruction"],
        ["plot", run, "--what", "zoo-basics:curves", "--out", "plot.png"],
        ["inspect", run],
        ["train", "--resume", "--out", run, "--epochs", "2", "--quiet", "--device", "cpu"],
        ["train", "vae-mlp", "--data", "zoo-basics:digits", *SMALL, *QUIET, "--out", "other"],
        ["info", "vae-mlp"],
        ["list"],
        ["plugins"],
    ):
        assert main(command) == 0, f"{command}: {capsys.readouterr().err}"
    assert main(["train", "vae-mlp", "--data", "digits", *SMALL, *QUIET, "--out", "third"]) == 2
    assert 'say which: "squatter:digits" or "zoo-basics:digits"' in capsys.readouterr().err


def test_a_run_of_before_names_were_saved_qualified_is_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    assert main(["train", "vae-mlp", *SMALL, *QUIET, "--out", str(tmp_path / "run")]) == 0
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps({**about, "data": "digits"}))
    shutil.copytree(tmp_path / "run", tmp_path / "kept")
    request.getfixturevalue("squatter")
    assert main(["eval", str(tmp_path / "run"), "--metric", "zoo-basics:reconstruction"]) == 0, capsys.readouterr().err
    again = ["train", "--resume", "--out", str(tmp_path / "run"), "--epochs", "2", "--quiet", "--device", "cpu"]
    assert main(again) == 0, capsys.readouterr().err


def test_settings_for_a_data_set_are_for_that_one_however_it_is_named() -> None:
    small = {"encoder.width": 2, "decoder.width": 2}
    digits = zoo.open_dataset("digits")
    named = [
        zoo.build("vae", data=data, **small).config["parts"]["decoder"]["params"]["sigma"]
        for data in ("digits", "zoo-basics:digits", digits)
    ]
    assert named == ["shared"] * 3
    assert zoo.build("vae", image_shape=(1, 32, 32), **small).config["parts"]["decoder"]["params"]["sigma"] == "unit"


def test_nested_defaults_name_official_components(squatter: None) -> None:
    part = build_part("decoder", {"name": "zoo-aae:cluster-heads"}, image_shape=(1, 8, 8))
    assert type(part.net).__module__.startswith("zoo_basics.")
    gan = zoo.build(
        "gan",
        image_shape=(1, 32, 32),
        width=2,
        labels=Labels("classes", ("a", "b")),
        discriminator={"name": "zoo-basics:score-head", "features": 4},
    )
    assert type(gan.parts["discriminator"].net).__module__.startswith("zoo_features.")
