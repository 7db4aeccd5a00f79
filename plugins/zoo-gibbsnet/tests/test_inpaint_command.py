"""`zoo inpaint`, the plugin's command, and chains through `zoo sample`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo_core as zoo
from zoo_core.cli import main

SMALL = {"encoder": {"name": "mlp", "hidden": [8]}, "decoder": {"name": "mlp", "hidden": [8]}, "latent_dim": 3}


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A saved model, in a folder where one may write."""
    monkeypatch.chdir(tmp_path)
    return str(zoo.build("vae", data="digits", **SMALL).save(tmp_path / "model"))


def picture(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_row_for_each_image_with_its_completions(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "inpaint",
        saved,
        "--data",
        "digits",
        "-n",
        "3",
        "--chains",
        "2",
        "--known",
        "left",
        "--set",
        "steps=2",
        "--device",
        "cpu",
    ]
    assert main([*command, "--out", "a.png"]) == 0
    assert "3 images with 2 completions each in a.png" in capsys.readouterr().out
    model = zoo.load(saved)
    _, height, width = model.image_shape
    pixels = picture("a.png")
    factor = pixels.shape[1] // (4 * (width + 2) + 2)
    assert pixels.shape[:2] == (factor * (3 * (height + 2) + 2), factor * (4 * (width + 2) + 2))
    first = [
        pixels[2 * factor : (2 + height) * factor, (2 + i * (width + 2)) * factor :][:, : width * factor]
        for i in range(4)
    ]
    half = width // 2 * factor
    assert all((one[:, :half] == first[0][:, :half]).all() for one in first), "what is known stands in all of them"
    assert not (first[2][:, half:] == first[3][:, half:]).all(), "each chain is another"
    assert main([*command, "--out", "b.png"]) == 0
    assert (picture("b.png") == pixels).all()


def test_a_mask_comes_from_a_picture(saved: str) -> None:
    _, height, width = zoo.load(saved).image_shape
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = 255
    Image.fromarray(mask).save("mask.png")
    command = ["inpaint", saved, "--data", "digits", "-n", "2", "--set", "steps=2", "--device", "cpu"]
    assert main([*command, "--known", "mask.png", "--out", "a.png"]) == 0
    assert main([*command, "--known", "left", "--out", "b.png"]) == 0
    assert (picture("a.png") == picture("b.png")).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--known", "middle"], "there is no file middle"),
        (["--known", "model/config.json"], "is no picture"),
        (["--known", "small.png"], "is 3x3, the images are"),
        (["--set", "known=left"], "use --known"),
        (["--set", "name=prior"], "zoo sample --sampler"),
        (["--set", "steps=0"], "steps"),
        (["--set", "stepz=2"], "steps"),
        (["--chains", "0"], "less than 1"),
    ],
)
def test_what_is_wrong_is_said(saved: str, capsys: pytest.CaptureFixture[str], wrong: list[str], said: str) -> None:
    Image.fromarray(np.zeros((3, 3), np.uint8)).save("small.png")
    try:
        code = main(["inpaint", saved, "--data", "digits", "--device", "cpu", *wrong])
    except SystemExit as end:
        code = int(end.code or 0)
    told = capsys.readouterr().err
    assert code == 2 and said in told and "Traceback" not in told


def test_a_model_without_an_encoder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nets = {"decoder": {"name": "mlp", "hidden": [8]}, "discriminator": {"name": "mlp", "hidden": [8], "features": 8}}
    folder = zoo.build("gan", data="digits", **nets).save(tmp_path / "gan")
    assert main(["inpaint", str(folder), "--data", "digits", "--device", "cpu"]) == 2
    assert "encoder" in capsys.readouterr().err


def test_a_chain_is_drawn_with_every_step(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "sample",
        saved,
        "--sampler",
        "gibbs-chain",
        "--set",
        "steps=5",
        "-n",
        "4",
        "--trace",
        "chain.gif",
        "--device",
        "cpu",
    ]
    assert main(command) == 0
    assert "5 steps in chain.gif" in capsys.readouterr().out
    assert Image.open("chain.gif").n_frames == 5


def test_it_stands_in_the_help_under_its_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "\nzoo-gibbsnet:\n  inpaint " in capsys.readouterr().out
