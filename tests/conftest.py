"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo_core.catalogue import catalogue
from zoo_core.plugins import loaded_plugins
from zoo_core.registry import registry

# Before torch is imported, here and in subprocesses: the nets are tiny, and threads would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

TOYS = Path(__file__).parent / "toys"


@pytest.fixture
def fresh_registry() -> Iterator[Callable[[], None]]:
    """Forgets what was loaded, when called and at the end."""

    def forget() -> None:
        for cached in (loaded_plugins, registry, catalogue):
            cached.cache_clear()

    forget()
    yield forget
    forget()


@pytest.fixture
def toys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
         fresh_registry: Callable[[], None]) -> None:
    """The plugin of toys is installed, here and in subprocesses."""
    site = tmp_path_factory.mktemp("site")
    info = site / "zoo_toys-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-toys\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[zoo_core]\nzoo-toys = zoo_toys\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(TOYS)]))
    for folder in (site, TOYS):
        monkeypatch.syspath_prepend(str(folder))
    for variable in ("ZOO_PLUGINS", "ZOO_BLOCK_PLUGINS", "ZOO_REGISTRY"):
        monkeypatch.delenv(variable, raising=False)
    fresh_registry()
