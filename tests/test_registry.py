"""Names lead to components, and wrong ones to advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_core.errors import NameConflict, PluginFailed, UnknownName
from zoo_core.registry.components import Entry, Registry
from zoo_core.registry.loading import LoadedPlugins, PluginStatus


def entry(kind: str, name: str, plugin: str = "zoo-a", target: str = "m:C") -> Entry:
    return Entry(kind, name, plugin, "1.0", target, "summary", "", name.endswith("/"))


REGISTRY = Registry(
    LoadedPlugins(
        statuses=(
            PluginStatus("zoo-a", "zoo-a", "1.0", None, 5),
            PluginStatus("zoo-broken", "zoo-broken", "0.1", "it fell over", 0),
        ),
        entries=(
            entry("encoder", "dcgan"),
            entry("decoder", "dcgan"),
            entry("encoder", "resnet"),
            entry("encoder", "resnet", "zoo-b"),
            entry("feature-extractor", "timm/"),
            entry("feature-extractor", "vgg19"),
        ),
    ),
    known_plugins={"zoo-aae": "zoo-aae>=1", "zoo-a": "zoo-a"},
)


@pytest.mark.parametrize(
    ("kind", "name", "qualified", "architecture"),
    [
        ("encoder", "dcgan", "zoo-a:dcgan", None),
        ("encoder", "zoo-b:resnet", "zoo-b:resnet", None),
        ("feature-extractor", "timm/resnet50.a1_in1k", "zoo-a:timm/", "resnet50.a1_in1k"),
        ("feature-extractor", "zoo-a:timm/resnet50", "zoo-a:timm/", "resnet50"),
    ],
)
def test_short_qualified_and_family_names_resolve(
    kind: str, name: str, qualified: str, architecture: str | None
) -> None:
    found = REGISTRY.resolve(kind, name)
    assert (found.entry.kind, found.entry.qualified, found.architecture) == (kind, qualified, architecture)


def test_a_short_name_with_two_owners_is_refused_with_both_qualified_names() -> None:
    with pytest.raises(NameConflict, match=r'"zoo-a:resnet" or "zoo-b:resnet"'):
        REGISTRY.resolve("encoder", "resnet")
    assert REGISTRY.spelling(entry("encoder", "resnet", "zoo-b")) == "zoo-b:resnet"
    assert REGISTRY.spelling(entry("encoder", "dcgan")) == "dcgan"


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("encoder", "dcgn", 'did you mean "dcgan"'),
        ("encoder", "vgg19", "of kind feature-extractor"),
        ("encoder", "nothing-like-it", "plugin zoo-broken is not loaded: it fell over"),
        ("encoder", "zoo-aae:thing", "pip install zoo-aae>=1"),
        ("objective", "aae", "pip install zoo-aae>=1"),
        ("feature-extractor", "timm", "write timm/NAME"),
        ("feature-extractor", "timm/", "add an architecture"),
        ("feature-extractor", "timm/../../x", "cannot be the name"),
        ("encoder", "DCGAN", "cannot be the name"),
        ("encoder", "", "cannot be the name"),
        ("encoder", ":dcgan", "cannot be the name"),
        ("encodr", "dcgan", 'did you mean "encoder"'),
    ],
)
def test_an_unknown_name_comes_with_advice(kind: str, name: str, says: str) -> None:
    with pytest.raises(UnknownName) as raised:
        REGISTRY.resolve(kind, name)
    assert says in str(raised.value)


def test_an_installed_plugin_is_not_offered_for_installation() -> None:
    with pytest.raises(UnknownName) as raised:
        REGISTRY.resolve("encoder", "zoo-a:nothing")
    assert "pip install" not in str(raised.value)


def test_entries_are_listed_by_kind_and_name() -> None:
    assert [e.qualified for e in REGISTRY.entries("encoder")] == ["zoo-a:dcgan", "zoo-a:resnet", "zoo-b:resnet"]
    assert [e.kind for e in REGISTRY.entries()] == ["encoder"] * 3 + ["decoder"] + ["feature-extractor"] * 2


def test_find_looks_in_all_kinds() -> None:
    assert [r.entry.kind for r in REGISTRY.find("dcgan")] == ["encoder", "decoder"]
    assert [r.entry.name for r in REGISTRY.find("timm/")] == ["timm/"]
    assert [r.architecture for r in REGISTRY.find("timm/resnet50")] == ["resnet50"]
    assert REGISTRY.find("no such") == []


MODULE = """
from zoo_core.interfaces import Encoder, Part, Prior

class Good(Prior):
    def sample(self, n, noise, y=None, name="prior"):
        return None

class Unfinished(Prior):
    pass

class Unrelated:
    pass

class Net(Part):
    pass

thing = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "registered_classes.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "registered_classes"


def test_loading_gives_the_class_when_it_is_what_its_kind_promises(module: str) -> None:
    assert entry("prior", "good", target=f"{module}:Good").load().__name__ == "Good"
    assert entry("network", "net", target=f"{module}:Net").load().__name__ == "Net"


@pytest.mark.parametrize(
    ("kind", "name", "attribute", "says"),
    [
        ("encoder", "x", "Good", "should be a subclass of zoo_core.interfaces.Encoder, is a class Good"),
        ("prior", "x", "Unrelated", "is a class Unrelated"),
        ("prior", "x", "thing", "object of type int"),
        ("prior", "x", "Missing", "could not be imported: AttributeError"),
        ("network", "x/", "Net", "architectures()"),
    ],
)
def test_a_class_that_is_not_what_its_kind_promises_is_the_plugins_failure(
    module: str, kind: str, name: str, attribute: str, says: str
) -> None:
    with pytest.raises(PluginFailed) as raised:
        entry(kind, name, target=f"{module}:{attribute}").load()
    assert says in str(raised.value)
    assert 'plugin "zoo-a"' in str(raised.value) and f'"{name}"' in str(raised.value)


def test_a_module_that_does_not_exist_is_the_plugins_failure() -> None:
    with pytest.raises(PluginFailed, match="no_such_module_here"):
        entry("prior", "x", target="no_such_module_here:C").load()
