"""Settings of a data set, wherever data are looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.errors import DataError, SettingError
from zoo_core.evaluation import evaluate
from zoo_core.saving import save

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a saved model, and arrays that cannot be read before their layout is set."""
    monkeypatch.chdir(tmp_path)
    settings = {"encoder.width": 4, "decoder.width": 4, "latent_dim": 4}
    save(zoo.build("vae", image_shape=(1, 32, 32), **settings), tmp_path / "model")
    np.savez(tmp_path / "data.npz", x=np.zeros((200, 1, 32, 1), np.uint8))
    return tmp_path


@pytest.mark.parametrize("command", [
    ["eval", "model", "--metric", "reconstruction", "--no-save"],
    ["reconstruct", "model", "-n", "2"],
    ["sample", "model", "--sampler", "interpolation", "-n", "20"],
    ["plot", "model", "--what", "codes"],
])
def test_every_command_that_takes_data_takes_their_settings(home: Path, command: list[str], capsys: Captured) -> None:
    command = [*command, "--data", "npz:data.npz", "--device", "cpu"]
    assert main(command) == 2
    assert "data.layout" in capsys.readouterr().err
    assert main([*command, "--set", "data.layout=nhwc"]) == 0


def test_a_setting_that_the_data_do_not_have_is_refused(home: Path, capsys: Captured) -> None:
    assert main(["reconstruct", "model", "--data", "digits", "--set", "data.layot=nhwc"]) == 2
    assert "layot" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["sample", "model"], ["plot", "model", "--what", "manifold"]])
def test_settings_of_no_data_are_refused(home: Path, command: list[str], capsys: Captured) -> None:
    assert main([*command, "--set", "data.layout=nhwc"]) == 2
    assert "--data digits" in capsys.readouterr().err


def test_reconstruct_has_no_settings_but_the_datas(home: Path, capsys: Captured) -> None:
    assert main(["reconstruct", "model", "--data", "digits", "--set", "n=3"]) == 2
    assert "data.KEY" in capsys.readouterr().err


def test_build_and_evaluate_take_settings_of_the_data(home: Path) -> None:
    with pytest.raises(DataError):
        zoo.build("vae", data="npz:data.npz")
    model = zoo.build("vae", data="npz:data.npz", data_settings={"layout": "nhwc"}, encoder="mlp", decoder="mlp", latent_dim=2)
    assert model.image_shape == (1, 1, 32)
    assert evaluate(model, "npz:data.npz", ["reconstruction"], data_settings={"layout": "nhwc"}, device="cpu")


def test_build_refuses_settings_of_no_data() -> None:
    with pytest.raises(SettingError, match="none are named"):
        zoo.build("vae", image_shape=(1, 32, 32), data_settings={"layout": "nhwc"})
