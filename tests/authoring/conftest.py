"""Plugins made up for a test, installed for this process and for those it starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

Install = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_registry: Callable[[], None]) -> Path:
    """A folder whose distributions are found as if pip had put them there."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])))
    for variable in ("ZOO_PLUGINS", "ZOO_BLOCK_PLUGINS", "ZOO_REGISTRY"):
        monkeypatch.delenv(variable, raising=False)
    return folder


@pytest.fixture
def install(site: Path, fresh_registry: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Install:
    """``install(plugin, hooks, modules={name: code}, requires=[…])``: a plugin whose hooks are ``hooks``."""

    def install(plugin: str, hooks: str, *, modules: dict[str, str] | None = None, requires: tuple[str, ...] = (),
                version: str = "1.2") -> None:  # fmt: skip
        package = plugin.replace("-", "_")
        for name, code in {
            package: f"from zoo_core.hookspecs import hookimpl\n{dedent(hooks)}",
            **(modules or {}),
        }.items():
            (site / f"{name}.py").write_text(dedent(code))
            monkeypatch.delitem(sys.modules, name, raising=False)
        info = site / f"{package}-{version}.dist-info"
        info.mkdir()
        lines = [f"Name: {plugin}", f"Version: {version}", *(f"Requires-Dist: {one}" for one in requires)]
        (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, "", "Name: not this one", ""]))
        (info / "entry_points.txt").write_text(f"[console_scripts]\nx = y:z\n\n[zoo_core]\n{plugin} = {package}\n")
        fresh_registry()

    return install
