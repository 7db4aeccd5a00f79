"""Plugins as they are installed: discovery without torch, targets that are there, the command and its exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from zoo_core.cli import main
from zoo_core.errors import SettingError, UnknownName
from zoo_core.testing import CheckResult, check_plugin

ENTRY = """
from zoo_core.hookspecs import hookimpl

@hookimpl
def register_components(register):
    register("prior", "mine", "zoo_whole_parts:Mine", summary="a prior")
"""
PARTS = '''
from typing import Annotated
from annotated_types import Ge, Le
from zoo_core.interfaces import Prior

class Mine(Prior):
    """N(0, I).

    Arguments:
        latent_dim: width of z.
    """

    def __init__(self, *, latent_dim: Annotated[int, Ge(1), Le(4096)] = 6) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    def sample(self, n, noise, y=None, name="prior"):
        return noise.normal(name, (n, self.latent_dim))
'''

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_registry: Callable[[], None]) -> Install:
    monkeypatch.syspath_prepend(str(tmp_path))
    for variable in ("ZOO_PLUGINS", "ZOO_BLOCK_PLUGINS"):
        monkeypatch.delenv(variable, raising=False)

    def install(entry: str = ENTRY, parts: str = PARTS) -> None:
        (tmp_path / "zoo_whole.py").write_text(dedent(entry))
        (tmp_path / "zoo_whole_parts.py").write_text(dedent(parts))
        info = tmp_path / "zoo_whole-0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-whole\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text("[zoo_core]\nzoo-whole = zoo_whole\n")
        for module in ("zoo_whole", "zoo_whole_parts"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        fresh_registry()

    return install


def statuses(results: list[CheckResult]) -> dict[str, str]:
    return {result.check: result.status for result in results}


def test_a_sound_plugin_passes(install: Install) -> None:
    install()
    assert set(statuses(check_plugin("zoo-whole")).values()) == {"passed"}


@pytest.mark.parametrize(("entry", "parts", "check"), [
    ("import torch\n" + ENTRY, PARTS, "discovery_imports_no_torch"),
    ("import zoo_core.interfaces\n" + ENTRY, PARTS, "discovery_imports_no_torch"),
    (ENTRY, PARTS.replace("class Mine", "class Yours"), "class_is_there"),
    (ENTRY, PARTS.replace("(Prior)", ""), "class_is_there"),
    (ENTRY, PARTS.replace("def sample", "def draw"), "class_is_there"),
    (ENTRY, "import no_such_package\n" + PARTS, "class_is_there"),
    ("1 / 0\n" + ENTRY, PARTS, "loads"),
    (ENTRY.replace("register_components", "register_componets"), PARTS, "loads"),
    (ENTRY.replace('    register("prior", "mine", "zoo_whole_parts:Mine", summary="a prior")', "    pass"), PARTS, "registers_something"),
    (ENTRY, PARTS.replace("latent_dim: Annotated[int, Ge(1), Le(4096)]", "latent_dim: int"), "numbers_are_bounded"),
], ids=["torch at discovery", "interfaces at discovery", "no such class", "another base class", "abstract", "import error",
        "error at discovery", "unknown hook", "nothing registered", "no bounds"])  # fmt: skip
def test_a_broken_plugin_is_caught(install: Install, entry: str, parts: str, check: str) -> None:
    install(entry, parts)
    assert statuses(check_plugin("zoo-whole", checks=[check])) == {check: "failed"}


def test_an_expected_failure_is_one_and_a_stale_one_is_told(install: Install) -> None:
    install(parts=PARTS.replace("latent_dim: Annotated[int, Ge(1), Le(4096)]", "latent_dim: int"))
    failures = {"prior mine: numbers_are_bounded": "any width will do", "prior mine[0]: prior_draws": "a wrong excuse"}
    found = statuses(check_plugin("zoo-whole", expected_failures=failures))
    assert found["numbers_are_bounded"] == "expected"
    assert found["prior_draws"] == "unexpectedly passed"


@pytest.mark.parametrize("failures", [{"prior mine: prior_drawz": "a reason"}, {"prior mine: prior_draws": ""}])
def test_an_expected_failure_names_a_check_and_has_a_reason(install: Install, failures: dict[str, str]) -> None:
    install()
    with pytest.raises(SettingError, match="expected_failures"):
        check_plugin("zoo-whole", expected_failures=failures)


def test_what_is_not_there_is_said_with_what_is_near(install: Install) -> None:
    install()
    with pytest.raises(UnknownName, match='did you mean "zoo-whole"'):
        check_plugin("zoo-wholes")
    with pytest.raises(UnknownName, match='did you mean "prior_draws"'):
        check_plugin("zoo-whole", checks=["prior_draw"])


def test_the_command_prints_a_row_a_check_and_exits_with_1_for_a_broken_contract(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install(parts=PARTS.replace("latent_dim: Annotated[int, Ge(1), Le(4096)]", "latent_dim: int"))
    assert main(["check", "zoo-whole", "--check", "numbers_are_bounded", "--check", "prior_draws"]) == 1
    rows = [line.split("\t")[:4] for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["prior", "mine[0]", "prior_draws", "passed"],
        ["prior", "mine[0]", "numbers_are_bounded", "failed"],
    ]
    assert main(["check", "zoo-whole", "--check", "prior_draws", "--json"]) == 0
    (table,) = json.loads(capsys.readouterr().out)
    assert (table["plugin"], table["component"], table["status"]) == ("zoo-whole", "mine", "passed")
    assert main(["check", "zoo-nothing"]) == 2
