"""Everything mixes with everything that fits; the rest is refused at build, in words that help."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import zoo_core as zoo
from zoo_core.data import ArrayDataset

from .answers import Answer, One
from .combinations import Outcomes, tried
from .games import GameOutcomes, decoders, tried_games
from .games_page import game_lines
from .page import PAGE, every_encoder, lines
from .rows import Row
from .trial import faults


def _cases(rows: Iterable[Row]) -> list[Any]:
    """Components as they come; with their settings changed they take minutes, all together."""
    return [pytest.param(row, id=row.label, marks=() if row.plain else pytest.mark.slow) for row in rows]


@pytest.mark.parametrize("encoder", _cases(every_encoder()))
def test_every_combination_works_wholly_or_is_refused_at_build(
    encoder: Row, digits: ArrayDataset, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    outcomes = Outcomes()
    found = _faults(tried(encoder), outcomes.count, digits, tmp_path)
    record_property("mixing", [encoder.label, *outcomes.counts])
    _assert_sound_and_on_page(found, lines(encoder, outcomes))


@pytest.mark.parametrize("decoder", _cases(decoders()))
def test_every_game_works_wholly_or_is_refused_at_build(
    decoder: Row, digits: ArrayDataset, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    outcomes = GameOutcomes()
    found = _faults(tried_games(decoder), outcomes.count, digits, tmp_path)
    record_property("mixing", [f"games of {decoder.label}", *outcomes.counts])
    _assert_sound_and_on_page(found, game_lines(decoder, outcomes))


def _faults(
    tried: Iterable[tuple[One, Answer]],
    count: Callable[[One, Answer], None],
    digits: ArrayDataset,
    folder: Path,
) -> list[str]:
    """What is wrong with those that are accepted, and with the words in which the others are refused."""
    ready: dict[object, tuple[One, zoo.Model, list[str]]] = {}
    found = []
    for one, said in tried:
        count(one, said)
        if isinstance(said, zoo.Model):
            ready.setdefault(one.trained, (one, said, []))[2].append(one.sampler)
        elif not said.hint:
            found.append(f"{one}: refused without a hint: {said}")
    for i, (one, model, samplers) in enumerate(ready.values()):
        try:
            found += [f"{one}: {fault}" for fault in faults(model, samplers, digits, folder / str(i))]
        except Exception as error:  # whatever it is, the others are tried too
            found.append(f"{one}: {type(error).__name__}: {error}")
    return found


def _assert_sound_and_on_page(found: list[str], wanted: list[str]) -> None:
    assert not found, f"{len(found)} faults:\n" + "\n".join(found[:20])
    page = PAGE.read_text().splitlines()
    stale = [line for line in wanted if line not in page]
    assert not stale, f"docs/mixing.md is out of date (python docs/make_mixing.py): {stale}"
