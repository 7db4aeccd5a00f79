"""The trainer in two processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

TRAIN = ["-m", "zoo_core", "train", "vae-mlp", "--data", "digits", "--epochs", "1", "--device", "cpu", "--quiet",
         "--set", "encoder.hidden=[16]", "--set", "decoder.hidden=[16]", "--set", "training.pictures_every=0"]  # fmt: skip


def test_two_processes_train_the_same_model_as_one_and_report_once(tmp_path: Path) -> None:
    launch = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "0", "--standalone"]
    outputs = {}
    for name, how in (("one", []), ("two", launch)):
        done = subprocess.run(
            [sys.executable, *how, *TRAIN, "--out", str(tmp_path / name)], capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stderr
        outputs[name] = done.stdout
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert all(torch.allclose(one[key], two[key], atol=1e-6) for key in one)
    assert outputs["two"].count("finished:") == 1
    assert (tmp_path / "two" / "metrics.jsonl").read_text().count('"what": "validation"') == 1
