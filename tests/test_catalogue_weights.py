"""The models that travel with the catalogue load at once, offline, and are what their figures say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import zoo_core as zoo
from zoo_core.errors import WeightsError
from zoo_core.evaluation.results import read_results
from zoo_core.hub.reference import locate
from zoo_core.publishing.card import validate_card
from zoo_core.registry.catalogue import catalogue
from zoo_core.saving import verify_folder

NAMES = zoo.list_weights()
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_draws(name: str) -> None:
    model = zoo.load(name, allow_external=False)
    samples = model.sample(4, seed=0)
    assert samples.shape == (4, *model.image_shape) and samples.std() > 0.05
    assert model.recipe == catalogue().weights[name].recipe


@pytest.mark.parametrize("name", NAMES)
def test_its_files_are_whole_small_and_say_no_path(name: str) -> None:
    folder = locate(name).folder
    verify_folder(folder)
    entry = catalogue().weights[name]
    assert {"config.json", "model.safetensors"} <= set(entry.files) and entry.licence and entry.summary
    assert all(path.stat().st_size < 5_000_000 for path in folder.rglob("*") if path.is_file())
    card = (folder / "README.md").read_text()
    validate_card(card)
    assert f'zoo.load("{name}")' in card and "](pictures/samples.png)" in card
    for path in (*folder.glob("*.json"), folder / "README.md"):
        assert str(ROOT.parent) not in path.read_text() and "/home" not in path.read_text()
    assert json.loads((folder / "run.json").read_text())["data_root"] is None


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-digits")])
def test_its_figures_are_measured_again(name: str) -> None:
    folder = locate(name).folder
    told = {figure.name: figure.value for figure in read_results(folder)}
    again = zoo.evaluate(
        zoo.load(name), "digits", ["reconstruction", {"name": "feature-error", "extractor": "digit-classifier"}]
    )
    for figure in again:
        assert figure.value == pytest.approx(told[figure.name], rel=1e-3), figure.name


def test_the_regularised_model_is_better_in_features_than_the_plain_one() -> None:
    """Of the same nets, seed and budget, in the figures that both publish."""
    for plain, regularised in (("vae-digits", "discreg-vae-digits"), ("vae-cifar10", "discreg-vae-cifar10")):
        a, b = (
            {figure.name: figure.value for figure in read_results(locate(name).folder)} for name in (plain, regularised)
        )
        assert b["feature-error"] < a["feature-error"]


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_registry: object) -> None:
    import shutil

    from zoo_core.storage.files import write_bytes

    shutil.copytree(ROOT / "weights" / "vae-digits", tmp_path / "weights" / "changed")
    entry = catalogue().weights["vae-digits"]
    files = "\n".join(f'files."{file}" = "{digest}"' for file, digest in entry.files.items())
    (tmp_path / "own.toml").write_text(
        f'format = 1\n[weights.changed]\nrecipe = "vae"\npath = "weights/changed"\n{files}\n'
    )
    monkeypatch.setenv("ZOO_REGISTRY", str(tmp_path / "own.toml"))
    catalogue.cache_clear()
    zoo.load("changed")
    weights = tmp_path / "weights" / "changed" / "model.safetensors"
    write_bytes(weights, weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(WeightsError, match=r"changed: model.safetensors has sha256 .*, the catalogue says"):
        zoo.load("changed")
