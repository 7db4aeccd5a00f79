"""What is installed: cheap to start, whole, and not tied to this tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DISTRIBUTIONS = [ROOT, *sorted(p.parent for p in ROOT.glob("plugins/*/pyproject.toml"))]


def project(folder: Path) -> dict[str, str]:
    """The table [project]."""
    table: dict[str, str] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return table


def test_zoo_list_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "zoo_core", "list"], capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "zoo_core.registry.components" in imported, "the list of imports is what it seems"
    heavy = {
        "torch",
        "torchvision",
        "timm",
        "numpy",
        "rich",
        "pydantic",
        "accelerate",
        "huggingface_hub",
        "safetensors",
        "PIL",
        "sklearn",
        "tensorboard",
    }
    assert not {name.partition(".")[0] for name in imported} & heavy
    assert "recipe\tvae\t" in done.stdout


def test_importing_zoo_core_imports_no_torch() -> None:
    script = "import sys, zoo_core; dir(zoo_core); assert 'torch' not in sys.modules; zoo_core.build; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A wheel of each distribution, built from a copy of what belongs to it, without network."""
    out = tmp_path_factory.mktemp("wheels")
    left_out = shutil.ignore_patterns(".venv", ".git", "plugins", "runs", "demo", "*.egg-info", "__pycache__", "dist")
    built = {}
    for folder in DISTRIBUTIONS:
        source = out / "source" / project(folder)["name"]
        shutil.copytree(folder, source, ignore=left_out)
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
            cwd=source,
            check=True,
            capture_output=True,
            text=True,
        )
        stem = project(folder)["name"].replace("-", "_")
        (built[project(folder)["name"]],) = out.glob(f"{stem}-*.whl")
    return built


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: project(folder)["name"])
def test_a_wheel_holds_every_file_of_its_package_and_nothing_else(folder: Path, wheels: dict[str, Path]) -> None:
    name = project(folder)["name"]
    package = name.replace("-", "_")
    held = {n for n in zipfile.ZipFile(wheels[name]).namelist() if ".dist-info/" not in n}
    there = {
        p.relative_to(folder).as_posix()
        for p in (folder / package).rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    along = {"registry.toml", *(p.relative_to(ROOT).as_posix() for p in (ROOT / "weights").rglob("*") if p.is_file())}
    assert held == there | ({f"zoo_core/{file}" for file in along} if name == "zoo-core" else set())
    assert name != "zoo-core" or "zoo_core/py.typed" in held
    assert not any("test" in n.removeprefix("zoo_core/testing/").lower() for n in held)


def test_the_wheels_catalogue_is_the_one_of_the_tree(wheels: dict[str, Path]) -> None:
    assert zipfile.ZipFile(wheels["zoo-core"]).read("zoo_core/registry.toml") == (ROOT / "registry.toml").read_bytes()


def test_wheels_name_their_licence_and_their_plugin(wheels: dict[str, Path]) -> None:
    for name, path in wheels.items():
        wheel = zipfile.ZipFile(path)
        (metadata,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        assert "License-Expression: Apache-2.0" in wheel.read(metadata).decode()
        assert any("/licenses/LICENSE" in n for n in wheel.namelist()), f"{name} carries its licence"
        entry_points = wheel.read(metadata.replace("METADATA", "entry_points.txt")).decode()
        if name != "zoo-core":
            assert f"[zoo_core]\n{name} = {name.replace('-', '_')}" in entry_points
        else:
            assert "zoo = zoo_core.cli:main" in entry_points


@pytest.mark.slow
def test_the_wheels_work_in_an_environment_of_their_own(wheels: dict[str, Path], tmp_path: Path) -> None:
    """A bare environment whose torch is this one's; this tree's editable packages are not seen."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "-q",
            "--no-index",
            "--no-deps",
            *map(str, wheels.values()),
        ],
        check=True,
    )
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    # Behind the environment's own packages on the path; .pth files in there (the editable finders) are not read.
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (tmp_path / "elsewhere").mkdir()

    def run(*command: str) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path / "elsewhere",
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    where = run(str(python), "-c", "import zoo_core, zoo_basics; print(zoo_core.__file__, zoo_basics.__file__)")
    assert str(ROOT) not in where and str(own) in where
    zoo = str(tmp_path / "env" / "bin" / "zoo")
    assert "recipe\tdiscreg-vae\t" in run(zoo, "list") and "encoder\tdcgan\tzoo-basics\t" in run(zoo, "list")
    run(
        zoo,
        "train",
        "vae",
        "--epochs",
        "1",
        "--set",
        "encoder.width=2",
        "--set",
        "decoder.width=2",
        "--quiet",
        "--out",
        "run",
    )
    assert "4 pictures" in run(zoo, "sample", "run", "-n", "4")
