"""What happens in one of several processes ends the training in all: none waits for another that has left."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import zoo_core as zoo

from .agreeing_processes import CASES, HOOKS, shared

ROOT = Path(__file__).parents[1]
Outcomes = tuple[dict[str, list[Any]], dict[str, list[Any]]]


def in_two_processes(folder: Path, *arguments: str) -> list[tuple[int, str]]:
    """Exit codes and what was said to standard error."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    running = [
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=120)[1] for process in running]
    finally:
        for process in running:
            process.kill()
    return [(process.returncode, text) for process, text in zip(running, said)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs are."""
    return tmp_path_factory.mktemp("agreeing")


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> Outcomes:
    """What came of every case, in either process: error and message, or "", reason and rounds."""
    ended = in_two_processes(folder, "-m", "tests.agreeing_processes", str(folder))
    assert [code for code, _ in ended] == [0, 0], "\n".join(text for _, text in ended)
    first, second = (json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(2))
    assert first.keys() == second.keys() == CASES.keys()
    return first, second


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize(
    ("hook", "rounds"), [("on_start", 0), ("on_round", 2), ("on_log", 2), ("on_validation", 4), ("on_epoch", 4)]
)
def test_a_callback_that_stops_one_process_stops_both_with_a_checkpoint(
    outcomes: Outcomes, folder: Path, hook: str, rounds: int, rank: int
) -> None:
    case = f"stopping {hook} {rank}"
    assert [outcome[case] for outcome in outcomes] == [["", "enough", rounds]] * 2
    assert (folder / case / "checkpoint.safetensors").is_file()
    zoo.load(folder / case)


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize(
    ("case", "reason", "rounds"), [("interrupted", "interrupted", 4), ("stuck", "stopped early", 8)]
)
def test_an_interruption_and_an_early_stop_of_one_process_are_of_both(
    outcomes: Outcomes, folder: Path, case: str, reason: str, rounds: int, rank: int
) -> None:
    assert [outcome[f"{case} {rank}"] for outcome in outcomes] == [["", reason, rounds]] * 2
    assert (folder / f"{case} {rank}" / "checkpoint.safetensors").is_file()


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("hook", HOOKS)
def test_a_callback_that_fails_in_one_process_ends_both_with_its_message(
    outcomes: Outcomes, hook: str, rank: int
) -> None:
    case = f"failing {hook} {rank}"
    assert outcomes[rank][case] == ["ZeroDivisionError", "divided"]
    assert outcomes[1 - rank][case] == ["RunError", f"process {rank} failed: divided"]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_nan_in_one_process_ends_both(outcomes: Outcomes, rank: int) -> None:
    error, message = outcomes[rank][f"not_a_number {rank}"]
    assert error == "NonFinite" and 'the term "elbo.nll" became NaN or infinite in round 3' in message
    assert outcomes[1 - rank][f"not_a_number {rank}"] == ["RunError", f"process {rank} failed: {message}"]


def test_a_folder_that_the_first_process_is_refused_is_told_by_both(outcomes: Outcomes) -> None:
    error, message = outcomes[0]["refused 0"]
    assert error == "RunError" and "is in use" in message
    assert outcomes[1]["refused 0"] == ["RunError", f"process 0 failed: {message}"]


def test_averages_of_a_shared_part_in_two_processes_equal_those_in_one(
    outcomes: Outcomes, folder: Path, tmp_path: Path
) -> None:
    assert [outcome["shared 0"] for outcome in outcomes] == [["", "finished", 12]] * 2
    shared(0, tmp_path)
    for name in ("model.safetensors", "best/model.safetensors", "checkpoint.safetensors"):
        two, one = load_file(folder / "shared 0" / name), load_file(tmp_path / name)
        assert two.keys() == one.keys()
        assert all(torch.allclose(two[key].double(), one[key].double(), atol=1e-5) for key in one), name


def test_a_process_that_is_gone_is_told_in_one_line_by_the_other(tmp_path: Path) -> None:
    """Killed, or with data that cannot be read: it takes no leave."""
    gone = (
        "import os, sys; from tests.agreeing_processes import *\n"
        "from zoo_core.errors import ZooError\n"
        "try: train(Path('run'), callbacks=[at('on_round', lambda training: os._exit(9))] if RANK else [])\n"
        "except ZooError as error: print(error, file=sys.stderr); sys.exit(2)\n"
    )
    (code, said), (gone_code, _) = in_two_processes(tmp_path, "-c", gone)
    assert (code, gone_code) == (2, 9)
    assert "another process has ended, or cannot be reached" in said and "Traceback" not in said
