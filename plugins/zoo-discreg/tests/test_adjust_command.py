"""`zoo adjust`, the plugin's command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from zoo_discreg import adjust

import zoo_core as zoo
from zoo_core.cli import main

SMALL = {"encoder.width": 4, "decoder.width": 4}


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A saved model, in a folder where one may write."""
    monkeypatch.chdir(tmp_path)
    return zoo.build("vae", data="digits", latent_dim=4, **SMALL).save(tmp_path / "model")


def test_it_saves_the_adjusted_model_beside_the_old_one(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["adjust", str(saved), "--data", "digits", "--batch-size", "400", "--device", "cpu"]
    assert main(command) == 0
    assert "model-adjusted" in capsys.readouterr().out
    before, after = zoo.load("./model").state_dict(), zoo.load("./model-adjusted").state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("parts.encoder") for name in changed)
    assert not any(name.startswith("parts.decoder") and name.endswith("weight") for name in changed)


def test_it_does_not_write_into_a_folder_with_something_in_it(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adjust", str(saved), "--data", "digits", "--out", "model", "--device", "cpu"]) == 2
    assert "not empty" in capsys.readouterr().err


def test_it_takes_settings_of_the_data_and_no_others(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("arrays.npz", x=np.zeros((500, 1, 32, 1), np.uint8))
    zoo.build(
        "vae", data="npz:arrays.npz", data_settings={"layout": "nhwc"}, latent_dim=2, encoder="mlp", decoder="mlp"
    ).save("flat")
    command = ["adjust", "flat", "--data", "npz:arrays.npz", "--device", "cpu"]
    assert main(command) == 2 and "data.layout" in capsys.readouterr().err
    assert main([*command, "--set", "data.layout=nhwc"]) == 0
    assert main([*command, "--set", "layout=nhwc"]) == 2 and "data.KEY=VALUE" in capsys.readouterr().err
    model = adjust(zoo.load("flat"), "npz:arrays.npz", data_settings={"layout": "nhwc"}, device="cpu")
    assert all(
        torch.equal(a, b) for a, b in zip(model.state_dict().values(), zoo.load("flat-adjusted").state_dict().values())
    )


def test_it_stands_in_the_help_under_its_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "\nzoo-discreg:\n  adjust " in capsys.readouterr().out
