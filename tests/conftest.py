"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry
from zoo_core.registry.loading import loaded_plugins

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
def toys(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, fresh_registry: Callable[[], None]
) -> None:
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many combinations of the mix matrix were accepted and refused, by encoder and in all."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    counts = [value for report in reports for name, value in report.user_properties if name == "mixing"]
    if not counts:
        return
    terminalreporter.section("mix matrix")
    for label, accepted, refused in [*sorted(counts), ["in all", sum(c[1] for c in counts), sum(c[2] for c in counts)]]:
        terminalreporter.line(f"{label:40} {accepted:5} accepted {refused:5} refused")
