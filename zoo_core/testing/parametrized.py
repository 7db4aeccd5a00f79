"""The conformance kit as pytest tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from zoo_core.testing.results import CheckFailed, CheckSkipped
from zoo_core.testing.running import BoundCheck, bound_checks, expected, refuse_unknown_keys

TestFunction: TypeAlias = Callable[[Callable[[], None]], None]
"""A test that is given a check, and calls it."""


def parametrize_with_checks(
    plugin: str, *, expected_failures: Mapping[str, str] | None = None
) -> Callable[[TestFunction], TestFunction]:
    """A decorator that runs a test once for each check of an installed plugin.

    >>> @parametrize_with_checks("zoo-mine", expected_failures={"encoder mine: same_row_alone": "mixes rows on purpose"})
    ... def test_conformance(check):
    ...     check()

    Expected failures are strict: one that passes fails, and one that names no check is an error.

    Raises:
        UnknownName: no such plugin is installed.
        SettingError: an expected failure that names no check, or has no reason.
    """
    import pytest

    bound = bound_checks(plugin)
    failures = dict(expected_failures or {})
    refuse_unknown_keys(bound, failures)
    cases = []
    for one in bound:
        reason = expected(one, failures)
        marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True, raises=CheckFailed)]
        cases.append(pytest.param(_skipping(one), id=one.id, marks=marks))
    return pytest.mark.parametrize("check", cases)


def _skipping(bound: BoundCheck) -> Any:
    """``bound`` as a test calls it: what cannot be checked here is skipped."""
    import pytest

    def check() -> None:
        try:
            bound()
        except CheckSkipped as skipped:
            pytest.skip(str(skipped))

    return check
