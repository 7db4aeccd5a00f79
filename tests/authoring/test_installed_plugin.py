"""What an author has after `zoo new-plugin` and `pip install`: a plugin of each kind in an environment of its own, beside wheels of
the core and of zoo-basics, does all that the zoo does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo_core.authoring.kinds import AUTHORED, KINDS
from zoo_core.authoring.package import new_plugin
from zoo_core.testing.hub import HubServer

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".git", "plugins", "runs", "demo", "*.egg-info", "__pycache__", "dist", "site", "tests", "experiments"
)
TINY = ["--set", "latent_dim=4", "--epochs", "1", "--batch-size", "200", "--quiet", "--device", "cpu"]
# How each kind is used in a training of one epoch, and the recipe that it changes; a sampler, a metric and an attack are used afterwards.
USED = {
    "encoder": ["--set", "encoder=mine", "--set", "encoder.width=4", "--set", "decoder.width=4"],
    "decoder": ["--set", "decoder=mine", "--set", "encoder.width=4", "--set", "decoder.width=4"],
    "objective": ["--set", 'objective=["elbo","mine"]', "--set", "encoder.width=4", "--set", "decoder.width=4"],
    "prior": ["--set", "prior=mine", "--set", "encoder.width=4", "--set", "decoder.width=4"],
    "head": [
        "--set",
        'objective=["elbo","latent-cross-entropy"]',
        "--set",
        "head=mine",
        "--set",
        "encoder.width=4",
        "--set",
        "decoder.width=4",
    ],
    "sampler": ["--set", "sampler=mine", "--set", "encoder.width=4", "--set", "decoder.width=4"],
    "metric": ["--set", "encoder.width=4", "--set", "decoder.width=4"],
    "attack": ["--set", "encoder.width=4", "--set", "decoder.width=4"],
}

pytestmark = pytest.mark.slow
Run = Callable[..., str]


def wheel(source: Path, out: Path) -> Path:
    """Build the wheel of a project, without network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    return max(out.glob("*.whl"), key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Wheels of the core and of zoo-basics."""
    out = tmp_path_factory.mktemp("wheels")
    wheels = []
    for folder in (ROOT, ROOT / "plugins" / "zoo-basics"):
        source = out / "source" / folder.name
        shutil.copytree(folder, source, ignore=LEFT_OUT)
        wheels.append(wheel(source, out))
    return wheels


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind there is a template for."""
    return str(request.param)


@pytest.fixture
def run(kind: str, core: list[Path], tmp_path: Path) -> Iterator[Run]:
    """Runs a command of an environment with the new plugin, in a folder beside it."""
    package = new_plugin("zoo-mine", [kind], out=tmp_path / "zoo-mine")
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    wheels = [*core, wheel(package, tmp_path)]
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-index", "--no-deps"]
    subprocess.run([*install, *map(str, wheels)], check=True)
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    # Behind the environment's own packages; .pth files in there (this tree's editable packages) are not read.
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")

    with HubServer(tmp_path / "hub") as hub:
        variables = {
            name: value for name, value in os.environ.items() if not name.startswith(("ZOO_", "HF_", "PYTHON"))
        }
        variables |= {
            "HF_ENDPOINT": hub.endpoint,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": "hf_any",
        }
        variables |= {"OMP_NUM_THREADS": "1", "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}

        def run(*command: str) -> str:
            done = subprocess.run([str(python.parent / "python"), "-m", *command], cwd=package, capture_output=True, text=True,
                                  env=variables)  # fmt: skip
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
            return done.stdout

        # What is imported is what was installed, not the folder that commands run in.
        shutil.move(package / "zoo_mine", tmp_path / "zoo_mine_source")
        yield run


def test_a_new_plugin_is_tested_listed_trained_saved_loaded_and_published(kind: str, run: Run, tmp_path: Path) -> None:
    assert "passed" in run("pytest", "-q", "-p", "no:cacheprovider")
    assert " failed" not in run("zoo_core", "check", "zoo-mine")
    assert f"{kind}\tmine\tzoo-mine\t" in run("zoo_core", "list")
    assert "zoo-mine" in run("zoo_core", "info", "mine")

    if kind == "feature-extractor":
        trained = ["classifier", "--set", "classifier=mine", "--set", 'classifier.layers=["logits"]']
        run("zoo_core", "train", *trained, "--data", "digits", *TINY[2:], "--out", "run")
    else:
        run("zoo_core", "train", "vae", "--data", "digits", *USED[kind], *TINY, "--out", "run")
        run("zoo_core", "sample", "run", "-n", "4")
    if kind == "metric":
        assert "sharpness" in run("zoo_core", "eval", "run", "--metric", "mine", "--data", "digits", "--limit", "100")

    run("zoo_core", "push", "run", "ada/mine", "--license", "mit")
    (tmp_path / "zoo-mine" / "load_both.py").write_text(
        "import torch, zoo_core as zoo\n"
        "here, there = zoo.load('./run'), zoo.load('hf:ada/mine')\n"
        "assert here.config == there.config\n"
        "assert all(torch.equal(a, b) for a, b in zip(here.state_dict().values(), there.state_dict().values(), strict=True))\n"
        "print('zoo-mine:mine' in str(there.config) or there.config['sampler'])\n"
    )
    said = run("load_both").strip()
    assert said == {"sampler": "mine", "metric": "prior", "attack": "prior"}.get(kind, "True")


def test_the_package_with_every_kind_holds_mypys_strict_rules(tmp_path: Path) -> None:
    """As its CI file asks."""
    package = new_plugin("zoo-mine", [one.kind for one in AUTHORED], out=tmp_path / "zoo-mine")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
