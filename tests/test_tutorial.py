"""docs/writing-a-plugin.md: its code does what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "writing-a-plugin.md"
BLOCK = re.compile(r'```python title="(?P<path>[^"]+)"\n(?P<code>.*?)```', re.DOTALL)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated package with the page's files in it, installed as a plugin of this environment alone."""
    folder = tmp_path_factory.mktemp("author")
    run(folder, "-m", "zoo_core", "new-plugin", "zoo-patches", "--kind", "encoder", "--kind", "objective")
    package = folder / "zoo-patches"
    for block in BLOCK.finditer(PAGE.read_text("utf-8")):
        path = package / block["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block["code"])
    for replaced in ("tests/test_encoder.py", "tests/test_objective.py"):
        (package / replaced).unlink()
    info = package / "zoo_patches-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-patches\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[zoo_core]\nzoo-patches = zoo_patches\n")
    return package


def run(folder: Path, *arguments: str) -> str:
    """Run python in ``folder``, with the plugin there installed; what it printed."""
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
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
