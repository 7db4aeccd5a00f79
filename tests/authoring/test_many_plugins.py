"""Two hundred plugins are all found, and a broken one among them is the only one that is missed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The benchmark that makes plugins up."""
    spec = importlib.util.spec_from_file_location("discovery", ROOT / "benchmarks" / "discovery.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def zoo(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run([sys.executable, "-m", "zoo_core", *command], capture_output=True, text=True, check=True)


def made_up(output: str) -> set[str]:
    """The names of made-up components in the list."""
    rows = [line.split("\t") for line in output.splitlines()]
    return {row[1] for row in rows if row[0] == "encoder" and row[2].startswith("zoo-made-up-")}


def test_all_components_of_200_plugins_are_listed_and_a_broken_plugin_hurts_no_other(
    site: Path, benchmark: ModuleType
) -> None:
    names = benchmark.write_plugins(site, 200, 10)
    everything = {f"{name}-{number}" for name in names for number in range(10)}
    done = zoo("list")
    assert made_up(done.stdout) == everything and not done.stderr
    assert sum(line.startswith("recipe\tzoo-made-up-") for line in done.stdout.splitlines()) == 20

    (site / "zoo_made_up_007" / "__init__.py").write_text("1 / 0\n")
    done = zoo("list")
    assert made_up(done.stdout) == {name for name in everything if not name.startswith("zoo-made-up-007-")}
    assert done.stderr.strip() == "zoo: not loaded: zoo-made-up-007; zoo plugins says why"
    (row,) = [line for line in zoo("plugins").stdout.splitlines() if line.startswith("zoo-made-up-007\t")]
    assert row.split("\t")[1] == "1.7.0" and "ZeroDivisionError" in row


def test_finding_them_parses_no_metadata_and_needs_no_packaging(site: Path, benchmark: ModuleType) -> None:
    benchmark.write_plugins(site, 3, 1)
    script = (
        "import importlib.metadata as m, sys\n"
        "def refuse(self): raise AssertionError('metadata parsed')\n"
        "m.Distribution.metadata = property(refuse)\n"
        "from zoo_core.registry.loading import loaded_plugins\n"
        "print([s.version for s in loaded_plugins().statuses if s.name.startswith('zoo-made-up')])\n"
        "assert 'packaging' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "['1.0.0', '1.1.0', '1.2.0']", done.stderr
