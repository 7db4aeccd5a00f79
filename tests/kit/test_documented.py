"""docs/conformance.md says what each check holds a component against, in the order in which they run."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import zoo_core.testing
from zoo_core.testing.selection import CHECKS, PLUGIN_CHECKS

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"


def test_every_check_is_documented_in_its_own_words_and_in_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .*? \| (.*?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    contracts = [(check.name, check.contract) for check in (*PLUGIN_CHECKS, *CHECKS)]
    assert rows == [(name, contract.replace("|", "\\|")) for name, contract in contracts]


def test_every_check_that_is_written_is_run() -> None:
    written = set()
    for module in pkgutil.iter_modules(zoo_core.testing.__path__):
        if module.ispkg:
            continue
        found = import_module(f"zoo_core.testing.{module.name}")
        written |= {name for name, _ in inspect.getmembers(found, inspect.isfunction) if name.startswith("check_")}
    # check_plugin runs checks; it is none.
    assert written - {"check_plugin"} == {check.function.__name__ for check in (*PLUGIN_CHECKS, *CHECKS)}
