"""Plugins are loaded one by one; a bad one hurts only itself and says why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from textwrap import dedent

import pytest

from zoo_core.registry.loading import LoadedPlugins, PluginStatus, load_plugins

GOOD = """
from zoo_core.hookspecs import hookimpl

@hookimpl
def register_components(register):
    register("encoder", "plain", "fake.encoder:Plain", summary="a plain one", paper="Nobody 1900")
    register("feature-extractor", "many/", "fake.many:Many", summary="a family")
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("ZOO_PLUGINS", raising=False)
    monkeypatch.delenv("ZOO_BLOCK_PLUGINS", raising=False)

    def install(plugin: str, code: str, *, distribution: str = "", target: str = "") -> None:
        distribution = distribution or plugin
        module = "loaded_" + distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(dedent(code))
        monkeypatch.delitem(sys.modules, module, raising=False)
        info = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[zoo_core]\n{plugin} = {target or module}\n")

    return install


@pytest.fixture
def load(tmp_path: Path) -> Callable[[], LoadedPlugins]:
    return lambda: load_plugins(
        [point for found in distributions(path=[str(tmp_path)]) for point in found.entry_points]
    )


def status(loaded: LoadedPlugins, name: str) -> PluginStatus:
    return next(found for found in loaded.statuses if found.name == name)


def test_a_good_plugin_registers_its_components_with_its_version(
    install: Install, load: Callable[[], LoadedPlugins]
) -> None:
    install("zoo-good", GOOD)
    loaded = load()
    assert loaded.statuses == (PluginStatus("zoo-good", "zoo-good", "1.2", None, 2),)
    plain, many = loaded.entries
    assert (plain.qualified, plain.version, plain.paper, plain.family) == (
        "zoo-good:plain",
        "1.2",
        "Nobody 1900",
        False,
    )
    assert many.family


HOOK = "from zoo_core.hookspecs import hookimpl\n@hookimpl\ndef register_components(register):\n"
ONE = "    register('encoder', 'one', 'm:C', summary='s')\n"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("x = 1", "has no hooks"),
        (
            "from zoo_core.hookspecs import hookimpl\n@hookimpl\ndef register_componets(register): pass",
            "register_componets",
        ),
        ("from zoo_core.hookspecs import hookimpl\n@hookimpl\ndef register_components(registrar): pass", "registrar"),
        (HOOK + ONE + "    raise ValueError('half way')", "half way"),
        (HOOK + ONE + "    register('encodr', 'two', 'm:C', summary='s')", 'did you mean "encoder"'),
        (HOOK + ONE + "    register('encoder', 'Two', 'm:C', summary='s')", "lower-case"),
        (HOOK + ONE + "    register('encoder', 'two', 'm.C', summary='s')", "package.module:Class"),
        (HOOK + ONE + "    register('encoder', 'two', 'm:C', summary='')", "summary"),
        (HOOK + ONE + "    register('encoder', 'two', 'm:C', summary='\\x1b[2J')", "control characters"),
        (HOOK + ONE + "    register('encoder', 2, 'm:C', summary='s')", "name should be a text"),
        (HOOK + ONE + "    register('encoder', 'two')", "TypeError"),
        (HOOK + ONE + ONE, "twice"),
        (HOOK + ONE + "    try: register('x', 'two', 'm:C', summary='s')\n    except Exception: pass", "no such kind"),
        (HOOK + ONE + "@hookimpl\ndef register_catalogue(): return 'registry.toml'", "should give a path"),
    ],
)
def test_a_bad_plugin_hurts_only_itself(
    install: Install, load: Callable[[], LoadedPlugins], code: str, says: str
) -> None:
    install("zoo-bad", code)
    install("zoo-good", GOOD)
    loaded = load()
    bad = status(loaded, "zoo-bad")
    assert bad.error is not None and says in bad.error and "\n" not in bad.error
    assert bad.components == 0
    assert {entry.plugin for entry in loaded.entries} == {"zoo-good"}
    assert status(loaded, "zoo-good").error is None


def test_the_error_names_the_line_in_the_plugin(install: Install, load: Callable[[], LoadedPlugins]) -> None:
    install("zoo-bad", "a = 1\n\nb = a / 0\n")
    assert "(loaded_zoo_bad.py:3)" in (status(load(), "zoo-bad").error or "")


def test_an_entry_point_to_something_that_is_no_plugin_is_refused(
    install: Install, load: Callable[[], LoadedPlugins]
) -> None:
    install("zoo-odd", "thing = 3", target="loaded_zoo_odd:thing")
    assert "is of type int and has no hooks" in (status(load(), "zoo-odd").error or "")


def test_of_two_distributions_with_one_name_the_second_is_refused_and_both_are_named(
    install: Install, load: Callable[[], LoadedPlugins]
) -> None:
    install("zoo-good", GOOD, distribution="aaa")
    install("zoo-good", GOOD, distribution="bbb")
    loaded = load()
    assert [found.error is None for found in loaded.statuses] == [True, False]
    assert '"aaa" and "bbb"' in (loaded.statuses[1].error or "")
    assert len(loaded.entries) == 2


def test_the_environment_chooses_plugins_when_they_are_loaded(
    install: Install, load: Callable[[], LoadedPlugins], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("zoo-one", GOOD)
    install("zoo-two", GOOD)
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-two, zoo-three")
    loaded = load()
    assert {entry.plugin for entry in loaded.entries} == {"zoo-two"}
    assert status(loaded, "zoo-one").left_out
    assert "not installed" in (status(loaded, "zoo-three").error or "")
    monkeypatch.delenv("ZOO_PLUGINS")
    monkeypatch.setenv("ZOO_BLOCK_PLUGINS", "zoo-two")
    assert {entry.plugin for entry in load().entries} == {"zoo-one"}


def test_a_blocked_plugin_is_not_even_imported(
    install: Install, load: Callable[[], LoadedPlugins], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install("zoo-loud", f"open({str(tmp_path / 'imported')!r}, 'w').close()")
    monkeypatch.setenv("ZOO_BLOCK_PLUGINS", "zoo-loud")
    load()
    assert not (tmp_path / "imported").exists()


def test_a_plugin_may_bring_its_own_catalogue(install: Install, load: Callable[[], LoadedPlugins]) -> None:
    install(
        "zoo-cat", HOOK + ONE + "import pathlib\n@hookimpl\ndef register_catalogue(): return pathlib.Path('r.toml')"
    )
    assert load().catalogues == (("zoo-cat", Path("r.toml")),)
