"""docs/writing-a-plugin.md and docs/plugin-cookbook.md: their code does what the pages say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

PAGE = Path(__file__).parent.parent / "docs" / "writing-a-plugin.md"
COOKBOOK = PAGE.with_name("plugin-cookbook.md")
BLOCK = re.compile(r'```\w+ title="(?P<path>[^"]+)"\n(?P<code>.*?)```', re.DOTALL)
COMMANDS = re.compile(r"```sh\n(?P<commands>.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated package with the page's files in it, installed as a plugin of this environment alone."""
    return written(PAGE, tmp_path_factory.mktemp("author"), "zoo-patches", "encoder", "objective")


@pytest.fixture(scope="module")
def cookbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cookbook's package, with a table of real digits beside it."""
    package = written(COOKBOOK, tmp_path_factory.mktemp("cook"), "zoo-extras", "sampler")
    digits = load_digits()
    np.savetxt(
        package / "images.csv", np.column_stack([digits.target, digits.data * 15.9])[:600], delimiter=",", fmt="%d"
    )
    return package


def written(page: Path, folder: Path, name: str, *kinds: str) -> Path:
    """The package that ``zoo new-plugin`` makes, with the files of ``page`` in place of its own components and their tests."""
    run(folder, "-m", "zoo_core", "new-plugin", name, *(word for kind in kinds for word in ("--kind", kind)))
    package, module = folder / name, name.replace("-", "_")
    for kind in kinds:
        (package / "tests" / f"test_{kind}.py").unlink()
    for block in BLOCK.finditer(page.read_text("utf-8")):
        path = package / block["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block["code"])
    info = package / f"{module}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[zoo_core]\n{name} = {module}\n")
    return package


def environment(folder: Path) -> dict[str, str]:
    """With what lies in ``folder`` installed."""
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def run(folder: Path, *arguments: str) -> str:
    """Run python in ``folder``, with the plugin there installed; what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, env=environment(folder)
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_pages_tests_pass_the_conformance_kit_among_them(package: Path) -> None:
    out = run(package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    passed = re.search(r"(\d+) passed", out)
    assert passed is not None and int(passed[1]) > 20 and "failed" not in out


def test_the_pages_commands_train_and_sample(package: Path) -> None:
    zoo = ("-m", "zoo_core")
    run(
        package,
        *zoo,
        "train",
        "vae",
        "--data",
        "digits",
        "--set",
        "encoder=patches",
        "--epochs",
        "1",
        "--quiet",
        "--out",
        "runs/patches",
    )
    run(package, *zoo, "sample", "runs/patches", "-n", "64", "--out", "samples.png")
    assert (package / "samples.png").read_bytes().startswith(b"\x89PNG")
    assert "encoder\tpatches\tzoo-patches" in run(package, *zoo, "list", "--kind", "encoder")
    assert "blocks" in run(package, *zoo, "info", "patches")


def test_the_pages_script_mixes_both_into_a_model_that_is_saved_and_loaded(package: Path) -> None:
    assert run(package, "use.py").split("\n")[-2] == "zoo-patches:patches ['elbo', 'ssim']"


def test_the_encoder_takes_at_most_forty_lines(package: Path) -> None:
    code = [line for line in (package / "zoo_patches" / "encoder.py").read_text().splitlines() if line.strip()]
    assert len(code) <= 40


def test_every_hook_is_on_the_page() -> None:
    from zoo_core import hookspecs

    hooks = [name for name, value in vars(hookspecs).items() if hasattr(value, "zoo_core_spec")]
    assert len(hooks) >= 2
    missing = [name for name in hooks if f"`{name}(" not in PAGE.read_text("utf-8")]
    assert missing == []


# ------------------------------------------------------------------------------------------------ the cookbook


def test_everything_in_the_cookbook_runs_as_it_is_typed_there(cookbook: Path) -> None:
    new, together = (block["commands"].strip().splitlines() for block in COMMANDS.finditer(COOKBOOK.read_text("utf-8")))
    assert new == ["zoo new-plugin zoo-extras --kind sampler"]
    said = {line.split()[1]: run(cookbook, "-m", "zoo_core", *shlex.split(line)[1:]) for line in together}
    assert set(said) == {"train", "sample", "codes", "check"} and len(together) == 5
    assert (cookbook / "inverted.png").read_bytes().startswith(b"\x89PNG") and "mean squared error" in said["sample"]
    assert said["codes"] == "60 codes of width 8 in codes.npy\n" and np.load(cookbook / "codes.npy").shape == (60, 8)
    assert float((cookbook / "runs" / "pairs" / "slowest.txt").read_text()) > 0
    assert "Encoder and decoder were trained as one game." in run(cookbook, "-c", CARD)
    assert '"pair-game.generator":' in (cookbook / "runs" / "pairs" / "metrics.jsonl").read_text()


def test_codes_of_the_cookbooks_sampler_reproduce_the_images_better_than_draws(cookbook: Path) -> None:
    out = run(cookbook, "-c", INVERT)
    before, after = map(float, out.split())
    assert after < 0.9 * before


CARD = """
from pathlib import Path
import zoo_core as zoo
from zoo_core.publishing.staging import stage
run, staged = Path("runs/pairs"), Path("staged")
stage(zoo.load(run), staged, repo="org/pairs", licence="mit", run=run)
print((staged / "README.md").read_text())
"""

INVERT = """
import torch, zoo_core as zoo
from zoo_extras.invert import Invert
torch.set_num_threads(1)
model = zoo.build("vae-mlp", data="csv:images.csv", latent_dim=8)
zoo.train(model, "csv:images.csv", epochs=10, progress=False)
x = zoo.open_dataset("csv:images.csv").split("test").x[:16].float() / 255
samples = model.samples(16, Invert(steps=100), x=x, seed=0)
print(*((picture - x).square().mean().item() for picture in (samples.trace[0], samples.x)))
"""


def test_a_table_that_is_none_is_told_in_one_line(cookbook: Path) -> None:
    (cookbook / "wrong.csv").write_text("1,2,3\n")
    for data, says in (("csv:wrong.csv", "CLASS,PIXEL"), ("csv:nowhere.csv", "csv:PATH")):
        command = [sys.executable, "-m", "zoo_core", "train", "vae-mlp", "--data", data, "--out", "runs/none"]
        done = subprocess.run(command, cwd=cookbook, capture_output=True, text=True, env=environment(cookbook))
        assert done.returncode == 2 and "Traceback" not in done.stderr and says in done.stderr


def test_the_cookbook_has_every_hook_in_use() -> None:
    from zoo_core import hookspecs

    code = "".join(block["code"] for block in BLOCK.finditer(COOKBOOK.read_text("utf-8")))
    assert [
        name
        for name, value in vars(hookspecs).items()
        if hasattr(value, "zoo_core_spec") and f"def {name}(" not in code
    ] == []
