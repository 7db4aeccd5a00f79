"""What docs/architecture.md says of the tree. (Which package imports which is held by import-linter: ``make lint``.)"""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "zoo_core"
PACKAGES = sorted(path.parent.name for path in CORE.glob("*/__init__.py"))


def exceptions() -> set[tuple[str, str]]:
    """The imports against the layers that pyproject.toml names."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    pairs = (line.split(" -> ") for line in contracts[0]["ignore_imports"])
    return {(importer, imported) for importer, imported in pairs}


def imports_of(tree: ast.AST) -> Iterator[str]:
    """What is imported anywhere in ``tree``, in functions too, and not for a type checker alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("zoo_core"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("zoo_core"))
        yield from imports_of(node)


def graph() -> dict[str, set[str]]:
    """Each module of the core, with those that it imports."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in CORE.rglob("*.py")
    }
    return {
        name: {
            found if found in files else found.rpartition(".")[0]
            for found in imports_of(ast.parse(path.read_text("utf-8")))
            if (name, found.rpartition(".")[0]) not in exceptions()
        }
        & set(files) - {name}
        for name, path in files.items()
    }


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; none where there is no such."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for other in sorted(imports[name]):
                if found := walk(other, [*way, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(imports) if (found := walk(name, []))), [])


def test_no_modules_import_each_other_in_a_circle_not_even_in_functions() -> None:
    assert " -> ".join(circle(graph())) == ""


def test_a_circle_would_be_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_few_exceptions_from_the_layers_are_named() -> None:
    assert 0 < len(exceptions()) <= 4


def test_few_modules_lie_at_the_top() -> None:
    assert len([*CORE.glob("*.py")]) <= 12


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_offers_what_it_says_and_no_module_of_the_same_name(package: str) -> None:
    module = importlib.import_module(f"zoo_core.{package}")
    for name in getattr(module, "__all__", ()):
        assert not isinstance(getattr(module, name), ModuleType), name
        assert not (CORE / package / f"{name}.py").exists(), f"zoo_core.{package}.{name} is a module, too"


def test_the_page_of_interfaces_lists_what_plugins_import() -> None:
    page = (ROOT / "docs" / "interfaces.md").read_text("utf-8")
    section = page[page.index("## What a plugin may import") : page.index("## Every component")]
    listed = set(re.findall(r"`(zoo_core(?:\.\w+)?)`", section))
    files = [*ROOT.glob("plugins/zoo-*/zoo_*/**/*.py"), *(CORE / "authoring" / "template").rglob("*.tmpl")]
    imported = {
        name
        for path in files
        for name in re.findall(r"^ *(?:from|import) (zoo_core[\w.]*)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert imported - listed == set()
    assert all(importlib.import_module(name) for name in listed)


def test_plugins_import_what_packages_offer() -> None:
    missing = set()
    for path in ROOT.glob("plugins/zoo-*/zoo_*/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("zoo_core."):
                offered = getattr(importlib.import_module(node.module), "__all__", None)
                missing |= {
                    (node.module, alias.name)
                    for alias in node.names
                    if offered is not None and alias.name not in offered
                }
    assert missing == set()
