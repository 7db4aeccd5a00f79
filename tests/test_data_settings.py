"""Settings of a data set, wherever data are looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.errors import DataError, SettingError
from zoo_core.evaluation.metrics import evaluate
from zoo_core.registry.components import registry
from zoo_core.saving import save
from zoo_core.testing.running import component_checks, run_check

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a saved model, and arrays that cannot be read before their layout is set."""
    monkeypatch.chdir(tmp_path)
    settings = {"encoder.width": 4, "decoder.width": 4, "latent_dim": 4}
    save(zoo.build("vae", image_shape=(1, 32, 32), **settings), tmp_path / "model")
    np.savez(tmp_path / "data.npz", x=np.zeros((200, 1, 32, 1), np.uint8))
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["eval", "model", "--metric", "reconstruction", "--no-save"],
        ["reconstruct", "model", "-n", "2"],
        ["sample", "model", "--sampler", "interpolation", "-n", "20"],
        ["plot", "model", "--what", "codes"],
    ],
)
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


@pytest.fixture
def clothes(tmp_path: Path) -> str:
    """A folder of data sets with a part of Fashion-MNIST."""
    (tmp_path / "sets/fashion_mnist").mkdir(parents=True)
    x, y = np.full((12, 28, 28), 51, np.uint8), np.arange(12) % 10
    arrays = {f"{name}_{split}": array for split in ("train", "test") for name, array in (("x", x), ("y", y))}
    np.savez(tmp_path / "sets/fashion_mnist/fashion_mnist_subset.npz", **arrays)
    return str(tmp_path / "sets")


def test_a_metric_that_opens_further_data_gets_their_root(
    home: Path, clothes: str, toys: None, capsys: Captured
) -> None:
    results = [run_check(one, None) for one in component_checks(registry().resolve("metric", "toy-brighter").entry)]
    assert [f"{r.check}: {r.reason}" for r in results if r.status != "passed"] == []
    spec = {"name": "toy-brighter", "than": "fashion-mnist"}
    data = torch.full((20, 1, 32, 32), 102, dtype=torch.uint8)
    (figure,) = evaluate(zoo.load("model"), data, [spec], data_root=clothes, device="cpu")
    assert figure.value == pytest.approx(0.2)
    command = [
        "eval",
        "model",
        "--data",
        "digits",
        "--metric",
        "toy-brighter",
        "--set",
        "toy-brighter.than=fashion-mnist",
        "--no-save",
    ]
    assert main([*command, "--device", "cpu", "--data-root", clothes]) == 0
    assert "brighter" in capsys.readouterr().out
    assert main([*command, "--device", "cpu", "--data-root", str(home)]) == 2
    assert "not in" in capsys.readouterr().err


def test_it_gets_the_root_of_the_run_where_none_is_given(home: Path, clothes: str, toys: None) -> None:
    small = [
        "--set",
        "encoder.hidden=[4]",
        "--set",
        "decoder.hidden=[4]",
        "--epochs",
        "0",
        "--batch-size",
        "5",
        "--quiet",
    ]
    command = ["train", "vae-mlp", "--data", "fashion-mnist", "--data-root", clothes, "--out", "run", "--device", "cpu"]
    assert main([*command, *small]) == 0
    command = ["eval", "run", "--metric", "toy-brighter", "--set", "toy-brighter.than=fashion-mnist", "--device", "cpu"]
    assert main(command) == 0


def test_reconstruct_has_no_settings_but_the_datas(home: Path, capsys: Captured) -> None:
    assert main(["reconstruct", "model", "--data", "digits", "--set", "n=3"]) == 2
    assert "data.KEY" in capsys.readouterr().err


def test_build_and_evaluate_take_settings_of_the_data(home: Path) -> None:
    with pytest.raises(DataError):
        zoo.build("vae", data="npz:data.npz")
    model = zoo.build(
        "vae", data="npz:data.npz", data_settings={"layout": "nhwc"}, encoder="mlp", decoder="mlp", latent_dim=2
    )
    assert model.image_shape == (1, 1, 32)
    assert evaluate(model, "npz:data.npz", ["reconstruction"], data_settings={"layout": "nhwc"}, device="cpu")


def test_build_refuses_settings_of_no_data() -> None:
    with pytest.raises(SettingError, match="none are named"):
        zoo.build("vae", image_shape=(1, 32, 32), data_settings={"layout": "nhwc"})
