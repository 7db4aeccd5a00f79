"""zoo list, zoo info and zoo plugins, and how the command behaves when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo_core.cli import VERBS, main
from zoo_core.registry import catalogue as catalogue_module
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry
from zoo_core.registry.loading import loaded_plugins

PLUGIN = """
from zoo_core.hookspecs import hookimpl

@hookimpl
def register_components(register):
    register("prior", "bell", "zoo_fake_parts:Bell", summary="a bell", paper="Gauss 1809")
    register("prior", "flat", "zoo_fake_parts:Flat", summary="flat")
    register("prior", "kin/", "zoo_fake_parts:Kin", summary="a family")
"""
PARTS = """
from typing import Annotated
from annotated_types import Ge
from zoo_core.interfaces import Prior

class Bell(Prior):
    def __init__(self, *, latent_dim: Annotated[int, Ge(1)], scale: float = 1.0):
        super().__init__()
    def sample(self, n, noise, y=None, name="prior"):
        return None

class Kin(Bell):
    @classmethod
    def architectures(cls):
        return ["one", "two"]
"""
CATALOGUE = """
format = 1
[recipes.toy]
summary = "a toy"
image_shape = [1, 8, 8]
[recipes.toy.shared]
latent_dim = { default = 4, sets = ["prior.latent_dim"], help = "width of the code" }
[recipes.toy.parts.prior]
kind = "prior"
name = "bell"
params = { scale = 2.0 }
[recipes.toy.training]
players.all.lr = 0.1
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A world with one good and one broken plugin and one recipe."""
    files = {"zoo_fake.py": PLUGIN, "zoo_fake_parts.py": PARTS, "zoo_wrong.py": "1 / 0", "registry.toml": CATALOGUE}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for plugin in ("zoo-fake", "zoo-wrong"):
        info = tmp_path / f"{plugin.replace('-', '_')}-0.3.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {plugin}\nVersion: 0.3\n")
        (info / "entry_points.txt").write_text(f"[zoo_core]\n{plugin} = {plugin.replace('-', '_')}\n")
    for module in ("zoo_fake", "zoo_fake_parts"):  # another test's plugin of that name
        sys.modules.pop(module, None)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-fake,zoo-wrong")
    monkeypatch.delenv("ZOO_BLOCK_PLUGINS", raising=False)
    monkeypatch.delenv("ZOO_REGISTRY", raising=False)
    monkeypatch.setattr(catalogue_module, "core_source", lambda: tmp_path / "registry.toml")
    caches: list[Callable[[], None]] = [loaded_plugins.cache_clear, registry.cache_clear, catalogue.cache_clear]
    for clear in caches:
        clear()
    yield tmp_path
    for clear in caches:
        clear()
    for module in ("zoo_fake", "zoo_fake_parts"):
        sys.modules.pop(module, None)


Captured = pytest.CaptureFixture[str]


def test_list_gives_recipes_first_then_components_tab_separated(fake: Path, capsys: Captured) -> None:
    assert main(["list"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "recipe\ttoy\tzoo-core\ta toy",
        "prior\tbell\tzoo-fake\ta bell",
        "prior\tflat\tzoo-fake\tflat",
        "prior\tkin/\tzoo-fake\ta family",
    ]
    assert err == "zoo: not loaded: zoo-wrong; zoo plugins says why\n"


def test_list_shows_one_kind(fake: Path, capsys: Captured) -> None:
    assert main(["list", "--kind", "recipe"]) == 0
    assert capsys.readouterr().out == "recipe\ttoy\tzoo-core\ta toy\n"
    assert main(["list", "--kind", "encoder", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_plugins_shows_what_could_not_be_loaded_and_why(fake: Path, capsys: Captured) -> None:
    assert main(["plugins", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["zoo-fake"] == {
        "name": "zoo-fake",
        "version": "0.3",
        "distribution": "zoo-fake",
        "components": 3,
        "status": "ok",
    }
    assert rows["zoo-wrong"]["status"] == "ZeroDivisionError: division by zero (zoo_wrong.py:1)"


def test_info_of_a_recipe_shows_every_setting_and_what_may_be_swapped(fake: Path, capsys: Captured) -> None:
    assert main(["info", "toy", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["parts"]["prior"]["swaps"] == ["flat", "kin/NAME"]
    assert facts["parts"]["prior"]["parameters"]["scale"] == {"type": "number", "bounds": "", "default": 2.0}
    assert facts["shared"]["latent_dim"] == {
        "type": "integer",
        "bounds": "≥ 1",
        "default": 4,
        "help": "width of the code",
        "sets": ["prior.latent_dim"],
    }
    assert main(["info", "toy"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "settings\tprior.scale\tnumber\t2.0" in lines
    assert "training\ttraining.players.all.lr\tnumber > 0\t0.1" in lines
    assert "parts\tprior\tbell\tprior\tor flat, kin/NAME" in lines


def test_info_of_a_component_and_of_a_family(fake: Path, capsys: Captured) -> None:
    assert main(["info", "bell"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "settings\tlatent_dim\tinteger ≥ 1\t(must be given)" in lines
    assert main(["info", "kin/", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["architectures"] == ["one", "two"]
    assert main(["info", "kin/two"]) == 0


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["lst"], 'did you mean "list"'),
        (["list", "--knd", "x"], "--knd"),
        (["list", "--kind", "priors"], 'did you mean "prior"'),
        (["info"], "NAME"),
        (["info", "tyo"], 'did you mean "toy"'),
        (["info", "kin/three"], 'no architecture "three"'),
        (["info", "flat"], 'plugin "zoo-fake"'),
        (["info", "\x1b[2J"], "there is no recipe or component"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(fake: Path, capsys: Captured, argv: list[str], says: str) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("zoo: ") and err.count("\n") == 1 and says in err and "\x1b" not in err


def test_a_wrong_registry_is_one_line_for_list_and_no_trouble_for_plugins(fake: Path, capsys: Captured) -> None:
    (fake / "registry.toml").write_text("format = ")
    assert main(["list"]) == 2
    assert "line 1: not valid TOML" in capsys.readouterr().err
    assert main(["plugins"]) == 0


def test_help_names_every_verb(capsys: Captured) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {verb.name}" in out for verb in VERBS)
    assert main(["list", "--help"]) == 0


def test_every_verb_has_a_module_that_can_say_what_it_takes(capsys: Captured) -> None:
    for verb in VERBS:
        assert main([verb.name, "--help"]) == 0
        assert f"usage: zoo {verb.name}" in capsys.readouterr().out


def test_on_a_terminal_the_table_is_aligned_and_cut_at_the_edge(
    fake: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "32")
    assert main(["list"]) == 0
    header, recipe, bell, *_, family = capsys.readouterr().out.splitlines()
    assert header == "KIND    NAME  PLUGIN    SUMMARY"
    assert recipe == "recipe  toy   zoo-core  a toy"
    assert bell == "prior   bell  zoo-fake  a bell"
    assert family == "prior   kin/  zoo-fake  a family"
    monkeypatch.setenv("COLUMNS", "30")
    assert main(["list"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "prior   kin/  zoo-fake  a fam…"


def run_python(fake: Path, code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(fake)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)


PATCH = """
import sys, pathlib
import zoo_core.registry.catalogue as c, zoo_core.cli as cli
c.core_source = lambda: pathlib.Path(sys.path[1]) / "registry.toml"
"""


@pytest.mark.parametrize("verb", ["list", "plugins"])
def test_looking_imports_nothing_heavy(fake: Path, verb: str) -> None:
    done = run_python(
        fake, PATCH + f"code = cli.main([{verb!r}])\nprint(code, sorted({{m.split('.')[0] for m in sys.modules}}))"
    )
    last = done.stdout.splitlines()[-1]
    assert last.startswith("0 ") and "'zoo_core'" in last
    assert not [heavy for heavy in ("torch", "pydantic", "rich", "huggingface_hub", "numpy") if f"'{heavy}'" in last]


def test_a_reader_who_leaves_is_no_error(fake: Path) -> None:
    code = (
        PATCH
        + "import os\nreader, writer = os.pipe(); os.close(reader); os.dup2(writer, 1)\nsys.exit(cli.main(['list']))"
    )
    done = run_python(fake, code)
    assert done.returncode == 141 and "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr
