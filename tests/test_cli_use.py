"""From zoo train to pictures and figures, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo_core as zoo
from zoo_core.cli import main

Captured = pytest.CaptureFixture[str]
TINY = ["--set", "encoder.width=4", "--set", "decoder.width=4", "--set", "latent_dim=4", "--device", "cpu"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one trained run, ``runs/vae-digits``."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert main(["train", "vae", "--data", "digits", "--epochs", "2", "--batch-size", "120", "--quiet", *TINY]) == 0
    return home


@pytest.fixture(autouse=True)
def _there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


def size(path: str) -> tuple[int, int]:
    """Width and height of a picture."""
    with Image.open(path) as image:
        assert image.format == "PNG" and image.mode == "RGB"
        return image.size


def test_train_writes_where_it_says(home: Path) -> None:
    run = home / "runs" / "vae-digits"
    config = json.loads((run / "config.json").read_text())
    assert config["parts"]["encoder"]["params"]["width"] == 4
    assert config["parts"]["decoder"]["params"]["sigma"] == "shared", "the recipe's settings for digits hold"
    about = json.loads((run / "run.json").read_text())
    assert (about["data"], about["seed"], about["training"]["epochs"], about["training"]["batch_size"]) == (
        "zoo-basics:digits",
        0,
        2,
        120,
    )
    assert (run / "pictures" / "samples-0002.png").is_file()


def test_sample_is_a_grid_of_as_many_pictures_as_asked_for(capsys: Captured) -> None:
    assert main(["sample", "runs/vae-digits", "-n", "12", "--columns", "6", "--out", "a.png", "--device", "cpu"]) == 0
    assert capsys.readouterr().out == "12 pictures in a.png\n"
    assert size("a.png") == (2 * (6 * 34 + 2), 2 * (2 * 34 + 2))
    assert main(["sample", "runs/vae-digits", "-n", "64", "--device", "cpu"]) == 0
    assert size("samples.png") == (8 * 34 + 2, 8 * 34 + 2)


def test_without_a_number_there_are_as_many_pictures_as_fill_whole_rows(capsys: Captured) -> None:
    for columns, said in (("6", "60 pictures"), ("100", "64 pictures")):
        assert main(["sample", "runs/vae-digits", "--columns", columns, "--out", "rows.png", "--device", "cpu"]) == 0
        assert capsys.readouterr().out == f"{said} in rows.png\n"


def test_the_same_seed_gives_the_same_picture() -> None:
    for name, seed in (("s1.png", "1"), ("s2.png", "1"), ("s3.png", "2")):
        assert main(["sample", "runs/vae-digits", "-n", "4", "--seed", seed, "--out", name, "--device", "cpu"]) == 0
    assert Path("s1.png").read_bytes() == Path("s2.png").read_bytes() != Path("s3.png").read_bytes()


@pytest.mark.parametrize("data", [[], ["--data", "digits"]])
def test_an_interpolation_has_as_many_columns_as_steps(data: list[str]) -> None:
    command = [
        "sample",
        "runs/vae-digits",
        "--sampler",
        "interpolation",
        "--set",
        "steps=5",
        "--set",
        "mode=spherical",
        "-n",
        "15",
        "--out",
        "walk.png",
        "--device",
        "cpu",
    ]
    assert main([*command, *data]) == 0
    assert size("walk.png") == (2 * (5 * 34 + 2), 2 * (3 * 34 + 2))


def test_reconstruct_shows_originals_over_their_reconstructions(capsys: Captured) -> None:
    assert (
        main(["reconstruct", "runs/vae-digits", "-n", "10", "--columns", "4", "--out", "r.png", "--device", "cpu"]) == 0
    )
    assert capsys.readouterr().out == "10 images over their reconstructions in r.png\n"
    assert size("r.png") == (3 * (4 * 34 + 2), 2 * (6 * 34 + 2)) or size("r.png") == (
        2 * (4 * 34 + 2),
        2 * (6 * 34 + 2),
    )
    pixels = np.asarray(Image.open("r.png").convert("L"))
    factor = pixels.shape[1] // (4 * 34 + 2)
    cells = [
        [
            pixels[
                factor * (2 + 34 * i) : factor * (34 + 34 * i) : factor,
                factor * (2 + 34 * j) : factor * (34 + 34 * j) : factor,
            ]
            for j in range(4)
        ]
        for i in range(6)
    ]
    held_out = zoo.open_dataset("digits").split("test").x
    assert (cells[0][0] == held_out[0, 0].numpy()).all() and (cells[2][1] == held_out[5, 0].numpy()).all()
    expected = zoo.load("runs/vae-digits").reconstruct(held_out[5:6].float() / 255)[0, 0]
    assert np.abs(cells[3][1] - expected.mul(255).numpy()).max() <= 1
    assert (cells[4][1] < 255).any() and (cells[4][2] == 255).all(), "the tenth image is the last"


def test_eval_prints_figures_and_their_protocol(capsys: Captured) -> None:
    command = [
        "eval",
        "runs/vae-digits",
        "--metric",
        "reconstruction",
        "--metric",
        "nll",
        "--set",
        "nll.draws=3",
        "--limit",
        "20",
        "--device",
        "cpu",
    ]
    assert main([*command, "--json", "--out", "figures.json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert json.loads(Path("figures.json").read_text()) == figures
    nll = next(figure for figure in figures if figure["protocol"]["metric"] == "nll")
    assert nll["protocol"]["draws"] == 3
    assert {"data": "digits", "split": "test", "examples": 20, "seed": 0}.items() <= nll["protocol"].items()
    assert main(command) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == [figure["name"] for figure in figures]
    assert float(lines[0][1].split()[0]) == pytest.approx(figures[0]["value"], rel=1e-4)


def test_a_finished_run_goes_on_for_more_epochs_with_its_own_settings(home: Path, capsys: Captured) -> None:
    assert (
        main(["train", "vae", "--epochs", "1", "--batch-size", "120", "--seed", "3", "--quiet", "--out", "more", *TINY])
        == 0
    )
    assert main(["train", "--resume", "--out", "more", "--epochs", "2", "--quiet", "--device", "cpu"]) == 0
    assert "finished: 20 rounds" in capsys.readouterr().out
    about = json.loads(Path("more/run.json").read_text())
    assert (about["seed"], about["training"]["batch_size"], about["training"]["epochs"]) == (3, 120, 2)
    again = ["train", "vae", "--resume", "--out", "more", "--epochs", "3", "--batch-size", "120", "--quiet", *TINY]
    assert main(again) == 0, "the recipe may be named again, and the seed is the run's"
    assert json.loads(Path("more/run.json").read_text())["seed"] == 3


def test_a_model_is_trained_on_pictures_of_a_folder(home: Path) -> None:
    Path("photos").mkdir()
    generator = np.random.default_rng(0)
    for i in range(30):
        Image.fromarray(generator.integers(0, 255, (20, 24, 3), dtype=np.uint8)).save(f"photos/{i}.png")
    assert (
        main(
            [
                "train",
                "vae",
                "--data",
                "folder:photos",
                "--set",
                "image_size=16",
                "--epochs",
                "1",
                "--batch-size",
                "8",
                "--out",
                "photo-run",
                "--quiet",
                *TINY,
            ]
        )
        == 0
    )
    assert zoo.load("photo-run").image_shape == (3, 16, 16)
    assert main(["reconstruct", "photo-run", "-n", "2", "--out", "p.png", "--device", "cpu"]) == 0


def test_progress_off_a_terminal_is_one_line_an_epoch_on_stderr(capsys: Captured) -> None:
    assert main(["train", "vae", "--epochs", "1", "--batch-size", "500", "--out", "loud", *TINY]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("epoch 1/1  elbo.nll ") and err.count("\n") == 1 and "images/s  validation" in err
    assert out.splitlines()[-1] == "look at it: zoo sample loud -n 64 --out samples.png"


def test_a_classifier_is_trained_and_then_regularises_a_vae(capsys: Captured) -> None:
    small = [
        "--set",
        "classifier.width=2",
        "--set",
        "classifier.hidden=4",
        "--epochs",
        "1",
        "--batch-size",
        "200",
        "--quiet",
    ]
    assert (
        main(["train", "classifier", "--data", "digits", "--out", "runs/digit-classifier", "--device", "cpu", *small])
        == 0
    )
    assert "look at it" not in capsys.readouterr().out, "a classifier makes no pictures"
    regularised = ["train", "discreg-vae", "--data", "digits", "--epochs", "1", "--batch-size", "200", "--quiet", *TINY]
    assert main([*regularised, "--set", "classifier=runs/digit-classifier", "--out", "runs/discreg"]) == 0
    model, classifier = zoo.load("runs/discreg"), zoo.load("runs/digit-classifier")
    assert model.frozen == {"classifier"}
    own, trained = model.parts["classifier"].state_dict(), classifier.parts["classifier"].state_dict()
    assert all((own[name] == trained[name]).all() for name in own)
    assert model.objectives["discreg"].layers == ("conv1", "conv2", "conv3")
    assert main([*regularised, "--out", "runs/default"]) == 0
    assert zoo.load("runs/default").config["parts"]["classifier"]["name"] == "zoo-features:digit-classifier"


def test_what_a_training_says_to_type_next_works(capsys: Captured) -> None:
    """Also for a model without a prior, which has nothing to sample from."""
    train = ["train", "autoencoder", "--data", "digits", "--epochs", "1", "--quiet", "--out", "runs/codes", *TINY]
    assert main(train) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("look at it: zoo reconstruct runs/codes")
    assert main(said.removeprefix("look at it: zoo ").split()) == 0
