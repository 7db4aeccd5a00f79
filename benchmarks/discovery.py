"""How long ``zoo list`` takes with many plugins installed, beside how long it takes with those that are there.

    python benchmarks/discovery.py --plugins 200 --components 10 --runs 9

Each made-up plugin is a ``dist-info`` folder as pip writes it (METADATA of the length of a real one, with a requirement on
zoo-core) and a small module that registers its components and has a recipe of its own for every tenth plugin.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

METADATA = """\
Metadata-Version: 2.4
Name: {name}
Version: 1.{number}.0
Summary: Made up, for measuring how long plugins take to be found.
Author: Nobody
License-Expression: MIT
Classifier: Programming Language :: Python :: 3
Requires-Python: >=3.11
Requires-Dist: zoo-core<0.2,>=0.1
Provides-Extra: dev
Requires-Dist: pytest>=8; extra == 'dev'
Description-Content-Type: text/markdown

"""
README = "A line of a README that nobody reads, of about the length of a line.\n" * 60
MODULE = '''\
"""Made up, for measuring how long plugins take to be found."""

from __future__ import annotations

from importlib.resources import files

from zoo_core.hookspecs import Register, hookimpl


@hookimpl
def register_components(register: Register) -> None:
    """Components that nobody builds."""
    for number in range({components}):
        register("encoder", f"{name}-{{number}}", f"{package}.encoder:Encoder{{number}}", summary="made up", paper="Nobody 1900")
'''
CATALOGUE = '''

@hookimpl
def register_catalogue():  # type: ignore[no-untyped-def]
    """One recipe."""
    return files(__name__) / "registry.toml"
'''
RECIPE = 'format = 1\n\n[recipes.{name}]\nlike = "vae"\nsummary = "made up"\n\n[recipes.{name}.parts.encoder]\nname = "{name}-0"\n'


def write_plugins(site: Path, plugins: int, components: int) -> list[str]:
    """Install made-up plugins into the folder ``site``; their names."""
    names = []
    for number in range(plugins):
        name, package = f"zoo-made-up-{number:03d}", f"zoo_made_up_{number:03d}"
        names.append(name)
        info = site / f"{package}-1.{number}.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(METADATA.format(name=name, number=number) + README)
        (info / "RECORD").write_text(f"{package}/__init__.py,,\n")
        (info / "INSTALLER").write_text("pip\n")
        (info / "entry_points.txt").write_text(f"[zoo_core]\n{name} = {package}\n")
        (site / package).mkdir()
        code = MODULE.format(components=components, name=name, package=package)
        if number % 10 == 0:
            code += CATALOGUE
            (site / package / "registry.toml").write_text(RECIPE.format(name=name))
        (site / package / "__init__.py").write_text(code)
    return names


def seconds(runs: int, environment: dict[str, str], *command: str) -> tuple[list[float], list[float]]:
    """Wall and processor time of each run of ``command``, after one that is not counted (it writes Python's byte code)."""
    wall, processor = [], []
    for _ in range(runs + 1):
        before, started = os.times(), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        wall.append(time.perf_counter() - started)
        after = os.times()
        processor.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return wall[1:], processor[1:]


def main() -> None:
    """Measure both, print medians and ranges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugins", type=int, default=200)
    parser.add_argument("--components", type=int, default=10)
    parser.add_argument("--runs", type=int, default=9)
    args = parser.parse_args()
    command = (sys.executable, "-m", "zoo_core", "list")
    with tempfile.TemporaryDirectory() as site:
        write_plugins(Path(site), args.plugins, args.components)
        left_out = ("ZOO_PLUGINS", "ZOO_BLOCK_PLUGINS", "PYTHONDONTWRITEBYTECODE")
        empty = {name: value for name, value in os.environ.items() if name not in left_out}
        many = {**empty, "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), site]))}
        for label, environment, what in (
            ("python alone", empty, (sys.executable, "-c", "pass")),
            ("as installed", empty, command),
            (f"{args.plugins} plugins more", many, command),
        ):
            wall, processor = seconds(args.runs, environment, *what)
            print(
                f"{label:<20} median {statistics.median(wall):.3f} s (from {min(wall):.3f} to {max(wall):.3f}), "
                f"{statistics.median(processor):.3f} s of a processor"
            )


if __name__ == "__main__":
    main()
