"""Nothing that the zoo reads or writes is a pickle."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HOOK = """
import sys

def refuse(event, arguments):
    if event == "pickle.find_class":
        print("unpickled", arguments, file=sys.stderr)
        import os, traceback
        traceback.print_stack()
        os._exit(7)
"""
WORK = """
import zoo_core as zoo
from zoo_core.training import resume
from zoo_core.cli import main

sys.addaudithook(refuse)
model = zoo.build("vae-mlp", data="digits", latent_dim=4, **{"encoder.hidden": [6], "decoder.hidden": [5]})
zoo.train(model, "digits", out="run", epochs=1, progress=False, device="cpu")
resume("run", epochs=2, progress=False, device="cpu")
model = zoo.load("run")
model.save("copy")
again = zoo.build("vae-mlp", data="digits", encoder="./copy", latent_dim=4, **{"decoder.hidden": [5]})
x = model.sample(4, seed=0)
model.reconstruct(x)
zoo.evaluate(model, "digits", ["reconstruction", "elbo"], limit=50, device="cpu")
for played in zoo.rounds(model, x.repeat(20, 1, 1, 1), epochs=1, batch_size=8, device="cpu"):
    pass
assert main(["sample", "run", "-n", "4", "--device", "cpu"]) == 0
print("done")
"""
CONTROL = """
import pickle, pathlib
sys.addaudithook(refuse)
pickle.loads(pickle.dumps(pathlib.PurePath("x")))
print("done")
"""


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """``script`` under the hook."""
    return subprocess.run(
        [sys.executable, "-c", HOOK + script],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )


def test_the_hook_sees_a_pickle(tmp_path: Path) -> None:
    done = run(CONTROL, tmp_path)
    assert done.returncode == 7 and "PurePosixPath" in done.stderr and "done" not in done.stdout


def test_build_train_resume_save_load_and_sample_unpickle_nothing(tmp_path: Path) -> None:
    done = run(WORK, tmp_path)
    assert done.returncode == 0 and "done" in done.stdout, done.stderr[-3000:]
