"""zoo plot: from names to a figure, in Python and as a user types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import rcParams
from PIL import Image

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.errors import ConfigError, RunError, SettingError, UnknownName

CPU = ["--device", "cpu"]
SMALL = {"name": "manifold", "side": 2}


@pytest.fixture(scope="module")
def model() -> zoo.Model:
    return zoo.build("vae-mlp", data="digits", latent_dim=2, **{"encoder.hidden": [8], "decoder.hidden": [8]})


@pytest.fixture
def home(model: zoo.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a saved model, ``saved``, and a log of its training beside the weights."""
    monkeypatch.chdir(tmp_path)
    model.save("saved")
    (tmp_path / "saved" / "metrics.jsonl").write_text(
        '{"what": "train", "round": 1, "epoch": 1.0, "values": {"elbo.nll": 1.0}}\n'
    )
    return tmp_path


def points(figure: Any) -> np.ndarray[Any, Any]:
    """The points of the figure's only scatter, (N, 2)."""
    (scatter,) = [one for axes in figure.axes for one in axes.collections]
    return np.asarray(scatter.get_offsets())


@pytest.mark.parametrize(("suffix", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("SVG", b"<?xml")])
def test_the_same_seed_gives_the_same_file(model: zoo.Model, suffix: str, begins: bytes, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.{suffix}" for name in "abc"]
    for path, seed in zip(paths, (0, 0, 1)):
        zoo.plot(model, None, {"name": "samples", "rows": 1, "columns": 2}, out=path, seed=seed, device="cpu")
    a, b, c = (path.read_bytes() for path in paths)
    assert a.startswith(begins)
    assert (a == b, a == c) == (True, False)
    assert len(list(tmp_path.iterdir())) == 3, "no temporary file is left"


def test_plots_stand_side_by_side_each_as_wide_as_it_asks_for(model: zoo.Model) -> None:
    apart = [zoo.plot(model, "digits", one, limit=20, device="cpu") for one in ("codes", SMALL)]
    together = zoo.plot(model, "digits", ["codes", SMALL], limit=20, device="cpu")
    width, height = together.get_size_inches()
    assert width == sum(one.get_size_inches()[0] for one in apart)
    assert height == max(one.get_size_inches()[1] for one in apart)
    left, right = together.subfigs
    assert left.axes[0].collections and right.axes[0].images


def test_the_split_and_its_first_examples_are_what_is_plotted(model: zoo.Model) -> None:
    for split, limit in (("test", None), ("validation", None), ("test", 7)):
        x = zoo.open_dataset("digits").split(split).x[:limit].float() / 255
        drawn = points(zoo.plot(model, "digits", "codes", split=split, limit=limit, device="cpu"))
        assert drawn.shape == (len(x), 2)
        assert np.allclose(drawn, model.encode(x).numpy(), atol=1e-5)


def test_data_are_opened_only_where_a_plot_asks_for_them(model: zoo.Model) -> None:
    assert zoo.plot(model, "nowhere", SMALL, device="cpu").axes
    with pytest.raises(UnknownName, match="nowhere"):
        zoo.plot(model, "nowhere", "codes", device="cpu")
    with pytest.raises(SettingError, match="--data digits"):
        zoo.plot(model, None, "codes", device="cpu")


def test_the_mode_of_the_model_and_matplotlib_s_settings_come_back(model: zoo.Model) -> None:
    before = dict(rcParams)
    model.train()
    zoo.plot(model, None, SMALL, device="cpu")
    assert model.training and dict(rcParams) == before
    model.eval()


def test_a_config_cannot_name_a_plot(model: zoo.Model) -> None:
    config = model.config
    config["parts"]["encoder"].update(kind="plot", name="zoo-basics:codes")
    with pytest.raises(ConfigError, match="plot"):
        zoo.build(config)


def test_listing_imports_no_matplotlib() -> None:
    code = "import sys; from zoo_core.cli import main; main(['list', '--kind', 'plot']); print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "codes" in done.stdout and done.stdout.splitlines()[-1] == "False"


def test_zoo_plot_draws_what_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["plot", "saved", "--what", "codes,manifold", "--set", "manifold.side=2", "--set", "codes.examples=9"]
    assert main([*command, "--data", "digits", "--out", "codes.png", *CPU]) == 0
    assert capsys.readouterr().out == "codes, manifold in codes.png\n"
    with Image.open("codes.png") as image:
        assert image.format == "PNG" and image.width > image.height > 500


def test_a_missing_folder_is_made(home: Path) -> None:
    assert main(["plot", "saved", "--what", "manifold", "--out", "new/inner/a.png", *CPU]) == 0
    assert (home / "new" / "inner" / "a.png").is_file()


def test_curves_need_no_data(home: Path) -> None:
    assert main(["plot", "saved", "--what", "curves", *CPU]) == 0
    assert (home / "plot.png").is_file()


WRONG = {
    "no such plot": (["--what", "code"], 'did you mean "codes"'),
    "no plot": ([], "no plot asked for"),
    "nothing between commas": (["--what", ","], "no plot asked for"),
    "plot of a part that is not there": (["--what", "accuracy"], 'no plot "accuracy"'),
    "setting without a plot": (["--what", "codes", "--set", "examples=3"], "PLOT.KEY"),
    "setting of a plot not asked for": (["--what", "codes", "--set", "manifold.side=3"], "PLOT.KEY"),
    "no such setting": (["--what", "codes", "--set", "codes.example=3"], 'did you mean "examples"'),
    "setting out of bounds": (["--what", "manifold", "--set", "manifold.side=1"], "≥ 2"),
    "folder that cannot be": (["--what", "manifold", "--out", "saved/config.json/a.png"], "cannot be written"),
    "suffix of no picture": (["--what", "manifold", "--out", "a.docx"], ".png, .pdf, .svg"),
    "data not known": (["--what", "codes"], "--data digits"),
    "limit of nothing": (["--what", "codes", "--limit", "0"], "less than 1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line_and_leaves_no_file(
    case: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(home.rglob("*"))
    argv, says = WRONG[case]
    assert main(["plot", "saved", *argv, *CPU]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and says in err
    assert sorted(home.rglob("*")) == before


def test_a_plot_says_which_part_it_misses() -> None:
    classifier = zoo.build("classifier", data="digits")
    with pytest.raises(zoo.ZooError, match='plot "codes" needs part "encoder"'):
        zoo.plot(classifier, "digits", "codes", device="cpu")


def test_a_figure_that_cannot_be_written_is_told_before_anything_is_drawn(model: zoo.Model, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="nothing can be made"):
        zoo.plot(model, "nowhere", "codes", out=tmp_path / "file" / "a.png", device="cpu")
