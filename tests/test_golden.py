"""What earlier versions saved is read, and computes what it computed then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import zoo_core as zoo

FOLDERS = sorted(path.parent for path in (Path(__file__).parent / "golden").glob("*/*/config.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_model_of_an_earlier_version_computes_what_it_did(folder: Path) -> None:
    model = zoo.load(folder)
    then = load_file(folder / "outputs.safetensors")
    x = then.pop("x")
    now: dict[str, Any]
    if "decoder" in model.parts:
        now = {"sampled": model.sample(2, seed=0)}
        if "encoder" in model.parts:
            now |= {"encoded": model.encode(x), "reconstructed": model.reconstruct(x)}
    else:
        with model.evaluating():
            now = {f"features.{i}": features for i, features in enumerate(model.parts["classifier"](x))}
    assert now.keys() == then.keys()
    for name, value in then.items():
        # Kernels differ between machines, in the last bits.
        torch.testing.assert_close(
            now[name], value, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_config_of_an_earlier_version_says_today_what_it_said_then(folder: Path) -> None:
    then = json.loads((folder / "config.json").read_text())
    now = zoo.load(folder).config
    for section in ("parts", "objectives"):
        for slot, entry in then[section].items():
            if entry["format"] == now[section][slot]["format"]:
                missing = {
                    key: value
                    for key, value in entry["params"].items()
                    if now[section][slot]["params"].get(key) != value
                }
                assert not missing, f"{section}.{slot} changed without a new format"
    assert now["format"] == 1 and now["image_shape"] == then["image_shape"]


def test_there_are_golden_files_of_this_version() -> None:
    assert {
        "vae-mlp",
        "vae-dcgan",
        "vae-resnet",
        "discreg-vae",
        "classifier",
        "aae-dimred",
        "gan-score-head",
        "dfm",
    } <= {folder.name for folder in FOLDERS}
