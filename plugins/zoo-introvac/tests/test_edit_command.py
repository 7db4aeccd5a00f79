"""`zoo edit`, the plugin's command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo_core.cli import main

from .conftest import Trained


@pytest.fixture
def saved(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A saved model, in a folder with two pictures in it."""
    monkeypatch.chdir(tmp_path)
    for i in (0, 1):
        Image.fromarray((255 * trained.x[i, 0].numpy()).round().astype(np.uint8)).resize((20, 24)).save(f"{i}.png")
    return str(trained.model.save(tmp_path / "model"))


def cells(path: str, columns: int) -> tuple[int, int]:
    """Rows and columns of a sheet of 8x8 pictures."""
    pixels = np.asarray(Image.open(path))
    factor = pixels.shape[1] // (columns * 10 + 2)
    return (pixels.shape[0] // factor - 2) // 10, (pixels.shape[1] // factor - 2) // 10


def test_a_row_for_each_picture(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["edit", saved, "--attribute", "right=+3", "--images", "0.png", "1.png", "--out", "a.png", "--device", "cpu"]
    assert main(line) == 0
    assert "2 images, reconstructed and edited (1 a row), in a.png" in capsys.readouterr().out
    assert cells("a.png", 3) == (2, 3)


def test_several_values_give_a_strip(saved: str) -> None:
    line = ["edit", saved, "--attribute", "right=-3,0,3", "--attribute", "large=2", "--images", "0.png"]
    assert main([*line, "--out", "a.png", "--device", "cpu"]) == 0
    assert cells("a.png", 5) == (1, 5)


def test_auto_says_how_far(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["edit", saved, "--attribute", "right=-auto", "--confidence", "0.9", "--images", "0.png", "1.png"]
    assert main([*line, "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("right: ") and said.count(",") >= 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--attribute", "left=3"], 'no attribute "left"'),
        (["--attribute", "right"], "NAME=DELTA"),
        (["--attribute", "right=much"], "is no number"),
        (["--attribute", "right=nan"], "is no number"),
        (["--attribute", "right=1", "--attribute", "right=2"], "is there twice"),
        (["--attribute", "right=1,2", "--attribute", "large=1,2"], "several numbers each"),
        (["--attribute", "right=auto", "--confidence", "2"], "between 0 and 1"),
        (["--attribute", "right=1", "--images", "none.png"], "there is no file none.png"),
        (["--attribute", "right=1", "--images", "model/config.json"], "what kind of picture"),
        (["--attribute", "right=1", "--data", "digits"], "leave one out"),
        (["--attribute", "right=1", "--set", "steps=2"], "only the data set has settings"),
    ],
)
def test_what_is_wrong_is_said(saved: str, capsys: pytest.CaptureFixture[str], wrong: list[str], said: str) -> None:
    images = [] if "--images" in wrong else ["--images", "0.png"]
    assert main(["edit", saved, *wrong, *images, "--device", "cpu"]) == 2
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told
