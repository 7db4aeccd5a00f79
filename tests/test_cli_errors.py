"""What a user may get wrong: one line that says so, exit code 2, no traceback, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from zoo_core.cli import main

TINY = ["--set", "encoder.hidden=[4]", "--set", "decoder.hidden=[4]", "--set", "latent_dim=2"]
CPU = ["--device", "cpu"]
TRAIN = ["train", "vae-mlp", "--out", "new", "--epochs", "1", "--batch-size", "200", "--quiet", *CPU]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run and some things that are none."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert (
            main(["train", "vae-mlp", "--epochs", "1", "--batch-size", "400", "--out", "run", "--quiet", *CPU, *TINY])
            == 0
        )
        assert (
            main(
                [
                    "train",
                    "vae-mlp",
                    "--epochs",
                    "1",
                    "--batch-size",
                    "400",
                    "--out",
                    "labelled",
                    "--quiet",
                    *CPU,
                    *TINY,
                    "--set",
                    "decoder.conditional=true",
                ]
            )
            == 0
        )
    (home / "empty").mkdir()
    (home / "file").write_text("just a text")
    (home / "broken.npz").write_bytes(b"PK\x03\x04 and then nothing")
    np.savez(home / "pickled.npz", x=np.array([{}], dtype=object))
    (home / "texts").mkdir()
    (home / "texts" / "a.txt").write_text("no picture")
    (home / "fake").mkdir()
    (home / "fake" / "a.png").write_bytes(b"no picture either")
    (home / "damaged").mkdir()
    (home / "damaged" / "config.json").write_text('{"format": NaN}')
    (home / "wrong.toml").write_text("format = 1\n[recipes.x\n")
    (home / "unknown.toml").write_text('format = 1\n[recipes.x]\nsumary = "x"\n')
    return home


@pytest.fixture
def kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bool]]:
    """In ``home``; says whether everything there is as it was."""
    monkeypatch.chdir(home)

    def files() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in sorted(home.rglob("*")) if p.is_file()}

    before = files()
    yield lambda: files() == before


WRONG: dict[str, tuple[list[str], str]] = {
    # names
    "no such command": (["trian"], 'did you mean "train"'),
    "no such recipe": (["train", "vea"], 'did you mean "vae"'),
    "no recipe": (["train"], "needs a recipe"),
    "no such part": ([*TRAIN, "--set", "encodr=mlp"], 'did you mean "encoder"'),
    "no such component": ([*TRAIN, "--set", "encoder=dcgna"], 'did you mean "dcgan"'),
    "no such component of that kind": ([*TRAIN, "--set", "prior=dcgan"], 'no prior "dcgan"'),
    "no such parameter": ([*TRAIN, "--set", "encoder.widht=3"], "no such parameter"),
    "no such training setting": ([*TRAIN, "--set", "training.epoch=3"], 'did you mean "epochs"'),
    "no such player": ([*TRAIN, "--set", "training.players.auto.lr=1"], "auto"),
    "no such objective": ([*TRAIN, "--set", "objective=elbow"], 'did you mean "elbo"'),
    "objective without its part": ([*TRAIN, "--set", 'objective=["elbo","discreg"]'], 'needs part "classifier"'),
    "no such sampler": (["sample", "run", "--sampler", "priro", *CPU], 'did you mean "prior"'),
    "no such sampler parameter": (["sample", "run", "--set", "steps=3", *CPU], "no such parameter"),
    "no such model to measure": (["eval", "rn", "--metric", "nll", *CPU], 'did you mean "run"'),
    "no number of labels": ([*TRAIN, "--labels", "ten"], "'ten' is no whole number"),
    "fewer labels than classes": (
        ["train", "classifier", "--labels", "5", "--out", "new", *CPU],
        "--labels 10 or more",
    ),
    "no such metric": (["eval", "run", "--metric", "nnl", *CPU], 'did you mean "nll"'),
    "no metric": (["eval", "run", *CPU], "no metric asked for"),
    "metric without its part": (["eval", "run", "--metric", "accuracy", *CPU], 'needs part "classifier"'),
    "setting of a metric not asked for": (["eval", "run", "--metric", "nll", "--set", "elbo.x=1", *CPU], "METRIC.KEY"),
    "no such data": ([*TRAIN, "--data", "digts"], 'did you mean "digits"'),
    "no such saved model": (["sample", "rn", *CPU], 'did you mean "run"'),
    "no such user": (["sample", "~nobody-of-this-name/run", *CPU], "no such home folder"),
    "overlong model": (["sample", "x" * 5000, *CPU], "no saved model"),
    "overlong component": ([*TRAIN, "--set", "encoder=" + "x" * 5000], "no encoder"),
    "overlong out": (["train", "vae-mlp", "--out", "x" * 5000, *CPU, *TINY], "cannot be written"),
    "no such option": (["train", "vae-mlp", "--epoch", "3"], "--epoch"),
    "no such split": (["eval", "run", "--metric", "elbo", "--split", "tset"], "tset"),
    "escape sequence": ([*TRAIN, "--set", "encoder=\x1b[2J"], "cannot be the name of a component"),
    # types, bounds, shapes
    "type": ([*TRAIN, "--set", "latent_dim=many"], "integer"),
    "bound": ([*TRAIN, "--set", "latent_dim=0"], "≥ 1"),
    "NaN": ([*TRAIN, "--set", "training.players.autoencoder.lr=NaN"], "lr"),
    "infinite": ([*TRAIN, "--set", "training.checkpoint_seconds=1e999"], "checkpoint_seconds"),
    "choice": ([*TRAIN, "--set", "training.precision=fp8"], "one of fp32, bf16"),
    "labels that nothing uses": ([*TRAIN, "--labels", "100"], "looks at labels"),
    "negative epochs": (["train", "vae-mlp", "--epochs", "-1"], "--epochs"),
    "negative epochs by setting": ([*TRAIN[:4], "--set", "training.epochs=-1"], "≥ 0"),
    "epochs of letters": (["train", "vae-mlp", "--epochs", "two"], "--epochs"),
    "zero pictures": (["sample", "run", "-n", "0"], "less than 1"),
    "seed too large": (["sample", "run", "--seed", str(2**70)], "--seed"),
    "negative seed": (["train", "vae-mlp", "--seed", "-3"], "--seed"),
    "no value": ([*TRAIN, "--set", "latent_dim"], "has no KEY=VALUE"),
    "no key": ([*TRAIN, "--set", "=3"], "has no KEY=VALUE"),
    "twice": ([*TRAIN, "--set", "latent_dim=3", "--set", "latent_dim=4"], "there twice"),
    "a list without its end": ([*TRAIN, "--set", 'objective=["elbo"'], "begins like JSON and is not"),
    "a list whose quotes the shell took": ([*TRAIN, "--set", "objective=[elbo,discreg]"], 'objective=["a", "b"]'),
    "players are no table": ([*TRAIN, "--set", "training.players=3"], "training.players"),
    "losses are no list": ([*TRAIN, "--set", "training.players.autoencoder.losses=3"], "losses"),
    "turns are no list": ([*TRAIN, "--set", "training.turns=all"], "training.turns"),
    "image size": ([*TRAIN, "--set", "image_size=-4"], "image_size"),
    "image size that the net cannot do": (
        ["train", "vae", "--set", "image_size=7", "--out", "new", *CPU],
        "image_size=8 would do",
    ),
    "widths differ": ([*TRAIN, "--set", "encoder.latent_dim=3"], "latent_dim"),
    "batch larger than the data": (
        [*TRAIN[:-2], *CPU, "--set", "training.batch_size=5000", "--batch-size", "6000"],
        "6000",
    ),
    "pieces": ([*TRAIN, "--set", "training.accumulate=7"], "equal pieces"),
    "nothing to compile": ([*TRAIN, "--set", 'training.compile=["encodr"]'], 'did you mean "encoder"'),
    "label that is none": (["sample", "labelled", "--label", "10", *CPU], "0 to 9"),
    "negative label": (["sample", "labelled", "--label", "-1", *CPU], "0 to 9"),
    "label for a model without": (["sample", "run", "--label", "1", *CPU], "takes no labels"),
    "too few images to walk between": (
        ["sample", "run", "--sampler", "interpolation", "-n", "4000", "--data", "digits", *CPU],
        "images",
    ),
    # data
    "path without a kind": ([*TRAIN, "--data", "./photos"], "folder:./photos"),
    "folder that is not there": ([*TRAIN, "--data", "folder:nowhere"], "nowhere"),
    "folder without images": ([*TRAIN, "--data", "folder:empty"], "empty"),
    "folder of texts": ([*TRAIN, "--data", "folder:texts"], "texts"),
    "folder of false pictures": ([*TRAIN, "--data", "folder:fake"], "a.png"),
    "data without its path": ([*TRAIN, "--data", "npz"], "npz:PATH"),
    "path for data that take none": ([*TRAIN, "--data", "digits:./here"], "takes no path"),
    "npz that is not there": ([*TRAIN, "--data", "npz:nowhere.npz"], "nowhere.npz"),
    "npz that is broken": ([*TRAIN, "--data", "npz:broken.npz"], "broken.npz"),
    "npz that holds a pickle": ([*TRAIN, "--data", "npz:pickled.npz"], "pickled.npz"),
    "data that are not downloaded": ([*TRAIN, "--data", "cifar10", "--data-root", "empty"], "cifar"),
    "data of other channels": (["reconstruct", "run", "--data", "cifar10", "--data-root", "empty", *CPU], "cifar"),
    "eval on data that are not there": (
        ["eval", "run", "--metric", "elbo", "--data", "npz:nowhere.npz", *CPU],
        "nowhere.npz",
    ),
    # files
    "out is a file": (["train", "vae-mlp", "--out", "file", *CPU, *TINY], "cannot be written"),
    "out below a file": (["train", "vae-mlp", "--out", "file/run", *CPU, *TINY], "cannot be written"),
    "out in /proc": (["train", "vae-mlp", "--out", "/proc/run", *CPU, *TINY], "cannot be written"),
    "picture below a file": (["sample", "run", "--out", "file/x.png", *CPU], "cannot be written"),
    "run that is there": (["train", "vae-mlp", "--out", "run", *CPU, *TINY], "already holds a run"),
    "resume without a folder": (["train", "--resume"], "needs the run's folder"),
    "resume without a run": (["train", "--resume", "--out", "empty"], "no run in empty"),
    "resume with other settings": (
        ["train", "--resume", "--out", "run", "--set", "latent_dim=3"],
        "the run's own data and settings",
    ),
    "resume with another batch": (
        ["train", "--resume", "--out", "run", "--batch-size", "3"],
        "the run's own data and settings",
    ),
    "resume of another model": (
        [
            "train",
            "vae-mlp",
            "--resume",
            "--out",
            "run",
            "--batch-size",
            "400",
            *CPU,
            *TINY,
            "--set",
            "encoder.activation=elu",
        ],
        "another parts",
    ),
    "resume with another seed": (
        [
            "train",
            "vae-mlp",
            "--resume",
            "--out",
            "run",
            "--seed",
            "5",
            "--batch-size",
            "400",
            "--epochs",
            "2",
            *CPU,
            *TINY,
        ],
        "other seed",
    ),
    "part from a folder without it": (
        ["train", "classifier", "--out", "new", "--set", "classifier=./run", *CPU],
        "has no feature extractor",
    ),
    "part from a damaged folder": ([*TRAIN, "--set", "encoder=./damaged"], "no JSON number"),
    "part that does not fit": (
        ["train", "vae-mlp", "--out", "new", "--set", "encoder=./run", "--set", "image_size=8", *CPU],
        "does not fit",
    ),
    "damaged model": (["sample", "damaged", *CPU], "no JSON number"),
    "folder that is no model": (["sample", "empty", *CPU], "no saved model in empty"),
    "file that is no model": (["sample", "file", *CPU], "no saved model"),
    # devices
    "no such device": (["sample", "run", "--device", "gpu"], "device 'gpu'"),
    "device that is not there": (
        ["eval", "run", "--metric", "elbo", "--device", "cuda:99"],
        "--device cpu works everywhere",
    ),
    "device without values": (["train", "vae-mlp", "--out", "new", "--device", "meta", *TINY], "meta"),
}


def check(err: str, says: str) -> None:
    """One line, no traceback, nothing that a terminal would obey."""
    assert err.startswith("zoo: ") and err.count("\n") == 1 and err.endswith("\n"), err
    assert says in err
    assert "Traceback" not in err and "\x1b" not in err and len(err) < 2000


@pytest.mark.parametrize("case", list(WRONG))
def test_what_is_wrong_is_one_line_and_loses_nothing(
    case: str, kept: Callable[[], bool], capsys: pytest.CaptureFixture[str]
) -> None:
    argv, says = WRONG[case]
    assert main(argv) == 2
    check(capsys.readouterr().err, says)
    assert kept()


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("wrong.toml", "wrong.toml, line 2: not valid TOML"),
        ("unknown.toml", 'unknown.toml, line 3: recipes.x.sumary: unknown key; did you mean "summary"'),
        ("nowhere.toml", "nowhere.toml: cannot be read"),
        ("empty", "empty: cannot be read"),
    ],
)
def test_a_catalogue_that_cannot_be_read_is_told_with_its_line(
    file: str,
    says: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    fresh_registry: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ZOO_REGISTRY", str(home / file))
    fresh_registry()
    assert main(["train", "vae"]) == 2
    check(capsys.readouterr().err, says)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("prior=toy-bomb", "prior: Bomb (parts.py) could not be built: KeyError"),
        ("prior=toy-missing", "Missing"),
        ("objective=toy-wishful", "prior.magic"),
    ],
)
def test_a_plugin_that_raises_is_told_by_its_name(
    setting: str, says: str, toys: None, kept: Callable[[], bool], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*TRAIN, "--set", setting]) == 2
    check(capsys.readouterr().err, says)
    assert kept()


def test_nan_in_training_is_one_line(
    toys: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*TRAIN, *TINY, "--set", 'objective=["elbo","toy-nan"]']) == 2
    check(capsys.readouterr().err, 'the term "toy-nan.boom" became NaN or infinite in round 0')


def test_figures_are_printed_even_where_they_cannot_be_written(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    assert main(["eval", "run", "--metric", "elbo", "--limit", "20", "--out", "file/x.json", *CPU]) == 2
    out, err = capsys.readouterr()
    assert "elbo" in out
    check(err, "cannot be written")


@pytest.mark.parametrize("case", ["no such component", "npz that is broken", "damaged model"])
def test_the_same_in_a_process_of_its_own(case: str, home: Path) -> None:
    argv, says = WRONG[case]
    done = subprocess.run(
        [sys.executable, "-m", "zoo_core", *argv],
        cwd=home,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    assert done.returncode == 2 and done.stdout == ""
    check(done.stderr, says)
