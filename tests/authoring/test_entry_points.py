"""Plugins are found by a little of their metadata, and those for another zoo-core are left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_core.registry import entry_points
from zoo_core.registry.loading import PluginStatus, loaded_plugins

Install = Callable[..., None]
HOOK = """
@hookimpl
def register_components(register):
    register("encoder", "made-up", "m:C", summary="s")
"""


def status(name: str) -> PluginStatus:
    """How the loading of a plugin went."""
    return next(one for one in loaded_plugins().statuses if one.name == name)


def test_name_and_version_stand_in_the_head_of_the_metadata(install: Install) -> None:
    install("zoo-made-up", HOOK, version="3.1.dev2+local")
    assert status("zoo-made-up") == PluginStatus("zoo-made-up", "zoo-made-up", "3.1.dev2+local", None, 1)


@pytest.mark.parametrize("requirement", [
    "zoo-core", "zoo-core>=0.1", "zoo-core<0.2,>=0.1", "zoo_core (>=0.1,<0.2)", "Zoo.Core==0.1", "zoo-core~=0.1.0", "zoo-core==0.1.*",
    "zoo-core!=0.0.9", "zoo-core>=9; extra == 'new'", "zoo-core>=9; python_version < '3'", "zoo-core-extras>=9", "zoo-core>=", "torch>=99",
    "zoo-core>=0.1.dev0",
])  # fmt: skip
def test_a_plugin_for_this_core_is_loaded(install: Install, monkeypatch: pytest.MonkeyPatch, requirement: str) -> None:
    monkeypatch.setattr(entry_points, "VERSION", "0.1.0")
    entry_points._unmet.cache_clear()
    install("zoo-made-up", HOOK, requires=(requirement,))
    assert status("zoo-made-up").error is None


@pytest.mark.parametrize("requirement", [
    "zoo-core>=0.2", "zoo-core>0.1", "zoo-core<0.1", "zoo-core==0.2.*", "zoo-core~=0.2.0", "zoo-core>=0.1,<0.1.0", "zoo_core!=0.1",
    "zoo-core>=9; python_version > '3'",
])  # fmt: skip
def test_a_plugin_for_another_core_is_left_out_before_it_is_imported(
    install: Install, monkeypatch: pytest.MonkeyPatch, requirement: str, tmp_path: Path
) -> None:
    monkeypatch.setattr(entry_points, "VERSION", "0.1.0")
    entry_points._unmet.cache_clear()
    install("zoo-made-up", f"open({str(tmp_path / 'imported')!r}, 'w')", requires=("numpy", requirement))
    install("zoo-fine", HOOK)
    error = status("zoo-made-up").error or ""
    assert "it needs zoo-core" in error and "pip install -U zoo-core zoo-made-up" in error
    assert not (tmp_path / "imported").exists()
    assert status("zoo-fine").error is None


def test_a_damaged_file_of_entry_points_costs_one_plugin(
    install: Install, site: Path, fresh_registry: Callable[[], None]
) -> None:
    install("zoo-fine", HOOK)
    for number, text in enumerate(("[zoo_core]\nno equals sign\n", "[zoo_core]\nzoo-odd = a b c\n")):
        info = site / f"damaged_{number}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: damaged-{number}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(text)
    unreadable = site / "unreadable-1.dist-info"
    unreadable.mkdir()
    (unreadable / "METADATA").write_bytes(b"\xff\xfe\x00")
    (unreadable / "entry_points.txt").write_bytes(b"[zoo_core]\n\xff = x\n")
    fresh_registry()
    assert status("zoo-fine").error is None
    assert "cannot be read" in (status("no equals sign").error or "")
    assert status("zoo-odd").error is not None


def test_of_two_copies_on_the_path_the_first_counts(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_registry: Callable[[], None]
) -> None:
    install("zoo-made-up", HOOK, version="1.0")
    older = tmp_path / "older" / "zoo_made_up-0.9.dist-info"
    older.mkdir(parents=True)
    (older / "METADATA").write_text("Name: Zoo_Made.Up\nVersion: 0.9\n")
    (older / "entry_points.txt").write_text("[zoo_core]\nzoo-made-up = zoo_made_up\n")
    import sys

    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "older")])
    fresh_registry()
    assert [(one.version, one.error) for one in loaded_plugins().statuses if one.name == "zoo-made-up"] == [
        ("1.0", None)
    ]
