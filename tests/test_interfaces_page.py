"""docs/interfaces.md says every attribute and method that a component may set, write or use."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

import pytest

from zoo_core import interfaces
from zoo_core.game.step import Step

PAGE = (Path(__file__).parent.parent / "docs" / "interfaces.md").read_text("utf-8")
CLASSES = (
    interfaces.Component, interfaces.Part, interfaces.Encoder, interfaces.Decoder, interfaces.FeatureExtractor,
    interfaces.Objective, interfaces.Sampler, interfaces.Prior, interfaces.Head, interfaces.Attack,
    interfaces.Metric, interfaces.Plot, interfaces.Dataset,
)  # fmt: skip


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_member_is_on_the_page(cls: type) -> None:
    members = {name for name in (*vars(cls), *inspect.get_annotations(cls)) if not name.startswith("_")}
    assert [name for name in sorted(members) if f"`{name}`" not in PAGE and f"`{name}(" not in PAGE] == []


def test_every_tag_is_on_the_page() -> None:
    assert [field.name for field in dataclasses.fields(interfaces.Tags) if f"`{field.name}`" not in PAGE] == []


def test_every_value_of_a_step_is_on_the_page() -> None:
    members = [name for name in vars(Step) if not name.startswith("_")]
    assert len(members) > 10
    assert [name for name in members if f"`step.{name}`" not in PAGE and f"`step.{name}(" not in PAGE] == []


def test_every_capability_in_tree_is_on_the_page() -> None:
    import re

    root = Path(__file__).parent.parent
    sources = [
        *root.glob("zoo_core/distributions/*.py"),
        *root.glob("zoo_core/interfaces/*.py"),
        *root.glob("plugins/*/zoo_*/**/*.py"),
    ]
    named = set(
        re.findall(r'"((?:posterior|likelihood|prior)\.[a-z_]+)"', "\n".join(path.read_text() for path in sources))
    )
    assert len(named) > 4
    assert [name for name in sorted(named) if f"`{name}`" not in PAGE] == []
