"""Every component of the plugins in this tree keeps every contract of the kit."""

from __future__ import annotations

from collections.abc import Callable

from zoo_core.testing import parametrize_with_checks


@parametrize_with_checks("zoo-basics")
def test_basics(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks("zoo-discreg")
def test_discreg(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks("zoo-features")
def test_features(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks("zoo-aae")
def test_aae(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks("zoo-gibbsnet")
def test_gibbsnet(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks("zoo-introvac")
def test_introvac(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks("zoo-fortified")
def test_fortified(check: Callable[[], None]) -> None:
    check()
