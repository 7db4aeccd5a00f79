"""How many hostile inputs are tried.

``ZOO_HOSTILE_SECONDS`` is the processor time to spend on the whole folder, about; 20 is what ``make test`` spends. The 20 seconds
are always the same inputs; a longer run repeats every test with new ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

DEFAULT_SECONDS = 20
SECONDS = int(os.environ.get("ZOO_HOSTILE_SECONDS", DEFAULT_SECONDS))
ROUNDS = max(1, SECONDS // DEFAULT_SECONDS)
LONG = ROUNDS > 1

rounds = pytest.mark.parametrize("round", range(ROUNDS))
"""Repeats a test as often as the time allows."""

Case = TypeVar("Case")
Attack = Callable[[int, SearchStrategy[Any], Callable[[Any], None]], None]


def attack(cases: int, inputs: SearchStrategy[Case], judged: Callable[[Case], None]) -> int:
    """Judge ``cases`` of the ``inputs``; how many there were."""
    ran = 0

    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(inputs)
    def one(case: Case) -> None:
        nonlocal ran
        ran += 1
        try:
            judged(case)
        except BaseException as error:  # a hang is no Exception, and hypothesis does not say what led to it
            error.add_note(f"the input: {case!r:.2000}")
            raise

    one()
    assert ran >= cases, f"only {ran} of {cases} inputs were found"
    return ran
