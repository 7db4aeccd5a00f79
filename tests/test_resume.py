"""A killed run goes on and ends with the weights of an unbroken one, bit for bit.

``ZOO_KILLS`` sets how often the run is killed (default 3).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

# Dropout (the global generator), batch norm (buffers), a moving average, a schedule, momentum, inside an epoch.
ARGUMENTS = [
    "train",
    "vae-mlp",
    "--data",
    "digits",
    "--device",
    "cpu",
    "--quiet",
    "--batch-size",
    "24",
    "--seed",
    "7",
    "--set",
    "encoder=toy-dropout",
    "--set",
    "decoder.hidden=[8]",
    "--set",
    "latent_dim=4",
    "--set",
    "training.players.autoencoder.ema=0.98",
    "--set",
    'training.players.autoencoder.schedule={"name":"cosine","warmup":1.5}',
    "--set",
    "training.log_every=10",
    "--set",
    "training.pictures_every=5",
]

DRIVER = """
import contextlib, io, json, os, random, signal, sys, time

arguments, kills, seed = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
import sklearn.datasets, torch, zoo_basics.datasets.digits, zoo_basics.decoders.mlp, zoo_core.training.trainer
import torch.utils.tensorboard.writer, torch.distributed, torch._dynamo, accelerate
from safetensors import safe_open
from zoo_core.cli import main

def start(arguments):
    # This process itself computes nothing, so that its copies may; they spare the second that imports take.
    child = os.fork()
    if not child:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            code = main(arguments)
        os._exit(code)
    return child

def finish(arguments):
    _, status = os.waitpid(start(arguments), 0)
    assert status == 0, status

def stamp():
    try:
        return os.stat("broken/checkpoint.safetensors").st_ino
    except FileNotFoundError:
        return 0

finish([*arguments, "--out", "unbroken"])
random.seed(seed)
stood = []
# Until it stood inside an epoch at least once, however the machine's speed and its epochs fall together.
while len(stood) < kills or not any(batch for _, batch in stood):
    before = stamp()
    child = start([*arguments, "--out", "broken", "--resume", "--set", "training.checkpoint_seconds=0.002"])
    while stamp() == before:
        time.sleep(0.002)
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "it ended by itself"
    time.sleep(random.uniform(0, 0.3))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with safe_open("broken/checkpoint.safetensors", "pt") as file:
        header = json.loads(file.metadata()["checkpoint"])
    stood.append([header["round"], header["streams"]["main"]["batch"]])
finish(["train", "--resume", "--out", "broken", "--quiet", "--device", "cpu"])
print(json.dumps(stood))
"""


def check(folder: Path, kills: int, epochs: int, seed: int) -> None:
    """Train unbroken and broken, and compare."""
    arguments = [*ARGUMENTS, "--epochs", str(epochs)]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(arguments), str(kills), str(seed)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    stood = json.loads(done.stdout)
    assert len({round for round, _ in stood}) == len(stood) >= kills, f"each time somewhere else: {stood}"
    assert stood[-1][0] < epochs * 50, f"never at the end: {stood}"
    assert any(batch for _, batch in stood), f"at least once inside an epoch: {stood}"
    for name in ("model.safetensors", "best/model.safetensors", "checkpoint.safetensors"):
        broken, unbroken = (load_file(folder / run / name) for run in ("broken", "unbroken"))
        assert broken.keys() == unbroken.keys()
        assert all(torch.equal(broken[key], unbroken[key]) for key in broken), name
    validations = [
        [line for line in lines(folder / run) if line["what"] == "validation"] for run in ("broken", "unbroken")
    ]
    assert validations[0] == validations[1]
    rounds = [(line["what"], line["round"]) for line in lines(folder / "broken")]
    assert len(rounds) == len(set(rounds)), "no round is logged twice"
    assert rounds == sorted(rounds, key=lambda r: r[1])


def lines(folder: Path) -> list[dict[str, Any]]:
    """Every line of metrics.jsonl."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_killed_at_random_moments_ends_with_the_same_weights(tmp_path: Path, toys: None) -> None:
    kills = int(os.environ.get("ZOO_KILLS", "3"))
    check(tmp_path, kills, epochs=8 * kills, seed=0)


@pytest.mark.slow
def test_a_run_killed_ten_times_ends_with_the_same_weights(tmp_path: Path, toys: None) -> None:
    check(tmp_path, 10, epochs=80, seed=1)
