"""The run folder: whose it is, who writes into it, and what is never written over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.cli.train import _run_name
from zoo_core.errors import RunError
from zoo_core.training import Callback, Training, resume
from zoo_core.training.lock import locked

SHAPE = (1, 8, 8)
DATA = torch.rand(60, *SHAPE, generator=torch.Generator().manual_seed(0))
TINY = ["--set", "encoder.hidden=[4]", "--set", "decoder.hidden=[4]", "--set", "latent_dim=2", "--device", "cpu", "--quiet",
        "--set", "training.pictures_every=0"]  # fmt: skip
Captured = pytest.CaptureFixture[str]


def train(out: Path, **settings: Any) -> zoo.Run:
    """A VAE of a few hundred weights."""
    model = zoo.build("vae-mlp", image_shape=SHAPE, latent_dim=4, **{"encoder.hidden": [6], "decoder.hidden": [5]})
    given = {"epochs": 1, "batch_size": 12, "pictures_every": 0, **settings}
    return zoo.train(model, DATA, out=out, progress=False, device="cpu", **given)


def content(folder: Path) -> dict[Path, bytes]:
    """Every file in it."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ------------------------------------------------------------------------------------------------ finished weights


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on digits."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert main(["train", "vae-mlp", "--epochs", "1", "--batch-size", "400", "--out", str(folder), *TINY]) == 0
    return folder


def without_checkpoint(run: Path, copy: Path) -> Path:
    """A copy whose checkpoint, three times the size of the model, somebody has deleted."""
    for path, bytes_ in content(run).items():
        new = copy / path.relative_to(run)
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(bytes_)
    (copy / "checkpoint.safetensors").unlink()
    return copy


@pytest.mark.parametrize(
    "command",
    [
        ["vae-mlp", "--epochs", "1", "--seed", "9", *TINY],
        ["autoencoder", "--epochs", "1", "--device", "cpu", "--quiet"],
        ["vae-mlp", "--epochs", "1", "--resume", *TINY],
        ["--resume", "--quiet"],
    ],
)
def test_finished_weights_without_a_checkpoint_are_not_written_over(
    finished: Path, tmp_path: Path, capsys: Captured, command: list[str]
) -> None:
    run = without_checkpoint(finished, tmp_path / "run")
    before = content(run)
    assert main(["train", *command, "--out", str(run)]) == 2
    said = capsys.readouterr().err
    assert "holds the weights of a run of 3 rounds, and no checkpoint to go on from" in said and said.count("\n") == 1
    assert content(run) == before


def test_from_python_neither(tmp_path: Path) -> None:
    train(tmp_path)
    (tmp_path / "checkpoint.safetensors").unlink()
    before = content(tmp_path)
    for again in ({}, {"resume": True}):
        with pytest.raises(RunError, match="holds the weights of a run of 4 rounds"):
            train(tmp_path, **again)
    assert content(tmp_path) == before


def test_a_run_of_an_earlier_version_that_has_logged_is_not_written_over(
    finished: Path, tmp_path: Path, capsys: Captured
) -> None:
    run = without_checkpoint(finished, tmp_path / "run")
    about = json.loads((run / "run.json").read_text())
    del about["rounds"]
    (run / "run.json").write_text(json.dumps(about))
    assert main(["train", "--resume", "--quiet", "--out", str(run)]) == 2
    assert "holds the weights of a run of some rounds" in capsys.readouterr().err


@pytest.mark.parametrize("again", [{}, {"resume": True}])
def test_a_run_that_was_killed_before_its_first_checkpoint_starts_again(tmp_path: Path, again: dict[str, Any]) -> None:
    class Killed(BaseException):
        pass

    class Kill(Callback):
        def on_log(self, training: Training, terms: Any) -> None:
            raise Killed

    with pytest.raises(Killed):
        train(tmp_path, log_every=2, callbacks=[Kill()])
    assert (tmp_path / "metrics.jsonl").stat().st_size, "it has logged"
    assert json.loads((tmp_path / "run.json").read_text())["rounds"] == 0
    assert train(tmp_path, **again).reason == "finished"
    assert json.loads((tmp_path / "run.json").read_text())["rounds"] == 4


# ------------------------------------------------------------------------------------------------ somebody's files


@pytest.mark.parametrize(
    "name",
    [
        "run.json",
        "metrics.jsonl",
        "config.json",
        "metrics.json",
        "model.safetensors",
        "best/config.json",
        "model-00001-of-00002.safetensors",
        "pictures/samples-0001.png",
    ],
)
def test_files_that_no_run_has_written_are_not_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text('{"my": "notes"}')
    before = content(tmp_path)
    with pytest.raises(RunError, match=r"would be written over.*; choose another --out"):
        train(tmp_path)
    assert content(tmp_path) == before


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    mine = dict.fromkeys((".notes.tmp", ".draft.abcd1234.tmp", "notes.txt", "pictures/cat.png", "best.txt"), "mine")
    for name, text in mine.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    train(tmp_path)
    assert all((tmp_path / name).read_text() == text for name, text in mine.items())


@pytest.mark.parametrize(
    ("recipe", "data", "name"),
    [
        ("vae", "digits", "vae-digits"),
        ("vae", "folder:../../../pics", "vae-pics"),
        ("vae", "folder:/d/my pics/", "vae-my-pics"),
        ("vae", "folder:~/pics", "vae-pics"),
        ("vae", "npz:a/../b:c~d.npz", "vae-b-c-d.npz"),
        ("vae", "folder:/", "vae"),
        ("vae", "folder:/d/a..b...", "vae-a.b"),
        ("vae", "folder:/d/été", "vae-été"),
        ("vae", "folder:/d/caf\udce9", "vae-caf"),
        ("zoo-basics:vae", "digits", "zoo-basics-vae-digits"),
        ("vae", "folder:/d/" + "é" * 500, "vae-" + "é" * 58),
    ],
)
def test_the_default_folder_is_one_safe_name(recipe: str, data: str, name: str) -> None:
    assert _run_name(recipe, data) == name


def test_the_default_folder_of_data_by_path_lies_in_runs_and_commands_are_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """A path that leads up led out of ``runs``, and into the working folder's own ``pics``."""
    work = tmp_path / "p" / "a"
    for folder in (tmp_path / "p" / "my pics", work / "my pics"):
        folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(20):
        Image.fromarray(random.integers(0, 256, (8, 8), dtype="u1")).save(tmp_path / "p" / "my pics" / f"{number}.png")
    (work / "my pics" / "run.json").write_text('{"my": "notes"}')
    monkeypatch.chdir(work)
    data = ["--data", "folder:../my pics", "--batch-size", "5"]
    assert main(["train", "vae-mlp", "--epochs", "1", *data, *TINY]) == 0
    assert sorted(path.name for path in work.iterdir()) == ["my pics", "runs"]
    assert [path.name for path in (work / "runs").iterdir()] == ["vae-mlp-my-pics"]
    assert content(work / "my pics") == {work / "my pics" / "run.json": b'{"my": "notes"}'}
    capsys.readouterr()
    assert main(["train", "vae-mlp", "--epochs", "1", *data, *TINY, "--out", "o; ls"]) == 0
    assert "zoo sample 'o; ls' -n 64" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------ one at a time


def test_a_second_training_into_a_folder_is_refused_and_says_who_is_there(tmp_path: Path) -> None:
    refused: list[str] = []

    class Second(Callback):
        def on_round(self, training: Training, played: Any) -> None:
            for more in ({}, {"resume": True}):
                with pytest.raises(RunError) as told:
                    train(tmp_path, **more)
                refused.append(str(told.value))

    before = train(tmp_path, callbacks=[Second()])
    assert before.reason == "finished" and len(refused) == 8
    assert set(refused) == {
        f"{tmp_path} is in use: another training (process {os.getpid()}) writes into it; "
        "wait until it has ended, or choose another --out"
    }
    assert not (tmp_path / ".zoo-run.lock").exists()
    assert train(tmp_path, epochs=2, resume=True).rounds == 8, "and then it is free"


HOLD = """
import sys, time
from pathlib import Path
from zoo_core.training.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a process that holds the lock of ``tmp_path``."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_folder_is_held_by_another_process_until_that_ends_even_by_a_kill(
    tmp_path: Path, held: Callable[[], subprocess.Popen[str]], capsys: Captured
) -> None:
    process = held()
    assert main(["train", "vae-mlp", "--epochs", "1", "--out", str(tmp_path), *TINY]) == 2
    said = capsys.readouterr().err
    assert f"is in use: another training (process {process.pid}) writes into it" in said and said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [".zoo-run.lock"], "nothing was written"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / ".zoo-run.lock").exists()
    assert main(["train", "vae-mlp", "--epochs", "1", "--out", str(tmp_path), "--batch-size", "400", *TINY]) == 0
    assert not (tmp_path / ".zoo-run.lock").exists()


def test_readers_are_welcome_while_a_run_is_written(tmp_path: Path) -> None:
    class Read(Callback):
        def on_epoch(self, training: Training, epoch: int) -> None:
            assert zoo.load(tmp_path).sample(1).shape == (1, *SHAPE)

    assert train(tmp_path, callbacks=[Read()]).reason == "finished"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_a_forked_process_does_not_hold_the_folder_beyond_its_parent(tmp_path: Path) -> None:
    """Those that read images may outlive a killed training for seconds."""
    with locked(tmp_path):
        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
    try:
        with locked(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_of_many_who_ask_at_once_one_is_let_in_at_a_time(tmp_path: Path) -> None:
    inside, most, done = [0], [0], []
    guard = threading.Lock()

    def ask() -> None:
        while len(done) < 40:
            try:
                with locked(tmp_path):
                    with guard:
                        inside[0] += 1
                        most[0] = max(most[0], inside[0])
                    time.sleep(0.0005)
                    with guard:
                        inside[0] -= 1
                        done.append(1)
            except RunError:
                time.sleep(0.0002)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) >= 40 and most == [1]


# ------------------------------------------------------------------------------------------------ no epochs


def test_zero_epochs_write_the_untrained_model_however_they_are_asked_for(tmp_path: Path, capsys: Captured) -> None:
    asked = {"option": ["--epochs", "0"], "setting": ["--set", "training.epochs=0"]}
    for name, how in asked.items():
        assert main(["train", "vae-mlp", *how, "--out", str(tmp_path / name), *TINY]) == 0
        assert capsys.readouterr().out.startswith("finished: 0 rounds")
        first = zoo.build(
            "vae-mlp", data="digits", **{"encoder.hidden": [4], "decoder.hidden": [4], "latent_dim": 2}
        ).state_dict()
        saved = zoo.load(tmp_path / name).state_dict()
        assert all(torch.equal(tensor, saved[key]) for key, tensor in first.items())
        assert main(["train", "--resume", "--out", str(tmp_path / name), "--quiet"]) == 0
        assert main(["train", "vae-mlp", "--resume", *how, "--out", str(tmp_path / name), *TINY]) == 0
        assert main(["train", "--resume", "--epochs", "1", "--out", str(tmp_path / name), "--quiet"]) == 0
        assert main(["train", "--resume", "--epochs", "0", "--out", str(tmp_path / name), "--quiet"]) == 0
    assert resume(tmp_path / "option", epochs=0, progress=False).rounds > 0, "what has been trained stays"
