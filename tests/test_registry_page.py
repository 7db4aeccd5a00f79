"""docs/registry.md says every key that a registry.toml may have."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from zoo_core.game.rules import PlayerRules, TurnRules
from zoo_core.game.schedules import Schedule
from zoo_core.game.settings import StreamSettings, TrainingSettings
from zoo_core.registry import catalogue
from zoo_core.storage.config import PART_KINDS

PAGE = (Path(__file__).parent.parent / "docs" / "registry.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^##+ ([^\n]+)\n(.*?)(?=^##+ |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def fields(cls: type) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]


@pytest.mark.parametrize(
    ("section", "keys"),
    [
        ("The file", list(catalogue._TOP)),
        ("A recipe", list(catalogue._RECIPE)),
        ("Parts and objectives", [*catalogue._PART, *catalogue._OBJECTIVE]),
        ("Shared settings", list(catalogue._SHARED)),
        ("Training", fields(TrainingSettings)),
        ("Training", fields(TurnRules)),
        ("Training", fields(PlayerRules)),
        ("Training", fields(Schedule)),
        ("Training", fields(StreamSettings)),
        ("Trained models", list(catalogue._WEIGHTS)),
    ],
    ids=lambda one: one if isinstance(one, str) else one[0],
)
def test_every_key_is_on_the_page(section: str, keys: list[str]) -> None:
    assert [key for key in keys if f"`{key}`" not in SECTIONS[section]] == []


def test_no_table_names_a_key_that_there_is_not() -> None:
    known = {
        *catalogue._TOP,
        *catalogue._RECIPE,
        *catalogue._PART,
        *catalogue._OBJECTIVE,
        *catalogue._SHARED,
        *catalogue._WEIGHTS,
    }
    for cls in (TrainingSettings, TurnRules, PlayerRules, Schedule, StreamSettings):
        known |= set(fields(cls))
    first = [row.split("|")[1] for row in PAGE.splitlines() if row.startswith("| `")]
    named = {key for cell in first for key in re.findall(r"`([^`]+)`", cell)}
    assert len(named) > 40 and named - known - {"training"} == set()


def test_every_kind_of_a_part_is_on_the_page() -> None:
    assert [kind for kind in PART_KINDS if f"`{kind}`" not in SECTIONS["Parts and objectives"]] == []
