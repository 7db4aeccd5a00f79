"""Checks bound to what they check, and run one by one."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from zoo_core.errors import PluginFailed, SettingError, UnknownName, did_you_mean, shown
from zoo_core.interfaces import Component
from zoo_core.registry.components import Entry, registry
from zoo_core.registry.loading import PluginStatus
from zoo_core.testing.results import CheckFailed, CheckResult, CheckSkipped, Status
from zoo_core.testing.selection import CHECKS, CLASS_IS_THERE, PLUGIN_CHECKS, Check, PluginCheck, checks_for
from zoo_core.testing.subject import PluginSubject, Subject


@dataclass(frozen=True, eq=False)
class BoundCheck:
    """A check and what it is to be run on. Calling it raises what is wrong.

    Arguments:
        plugin: the plugin's name.
        kind, component, example: what is checked.
        name: the check's.
        run: runs it.
    """

    plugin: str
    kind: str
    component: str
    example: int
    name: str
    run: Callable[[], None]

    @property
    def id(self) -> str:
        """As pytest shows it: ``encoder mine[0]: same_row_alone``."""
        return f"{self.kind} {self.component}[{self.example}]: {self.name}"

    @property
    def keys(self) -> tuple[str, str]:
        """As ``expected_failures`` names it: for one example, or for all of them."""
        return self.id, f"{self.kind} {self.component}: {self.name}"

    def __call__(self) -> None:
        """Run the check, with global generators seeded before and put back after.

        Raises:
            CheckFailed: the contract does not hold, or the component raised an error.
            CheckSkipped: it cannot be checked here.
        """
        with _seeded():
            try:
                self.run()
            except (CheckFailed, CheckSkipped):
                raise
            except Exception as error:
                raise CheckFailed(
                    "no error", found=f"{type(error).__name__}: {shown(error, 300)}{_place(error)}"
                ) from error


@contextmanager
def _seeded() -> Iterator[None]:
    python, legacy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)


def _place(error: Exception) -> str:
    """The last line of code outside torch that the error came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f"{Path('/torch/')}" not in f.filename]
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


def bound_checks(plugin: str) -> list[BoundCheck]:
    """Every check that the installed ``plugin`` is held against, by component and example.

    Raises:
        UnknownName: no such plugin is installed.
    """
    from importlib.metadata import entry_points

    from zoo_core.hookspecs import PROJECT

    statuses = {status.name: status for status in registry().plugins if not status.left_out}
    if plugin not in statuses:
        near = did_you_mean(plugin, statuses)
        raise UnknownName(f'no plugin "{shown(plugin)}" is installed', hint=near or f"there are {', '.join(statuses)}")
    module = next((point.value for point in entry_points(group=PROJECT) if point.name == plugin), "")
    bound = plugin_checks(statuses[plugin], module)
    for entry in registry().entries():
        if entry.plugin == plugin:
            bound += component_checks(entry)
    return bound


def plugin_checks(status: PluginStatus, module: str) -> list[BoundCheck]:
    """The checks of a plugin as a whole."""
    subject = PluginSubject(status.name, module, status)

    def bind(check: PluginCheck) -> BoundCheck:
        return BoundCheck(status.name, "plugin", status.name, 0, check.name, lambda: check.function(subject))

    return [bind(check) for check in PLUGIN_CHECKS]


def component_checks(entry: Entry) -> list[BoundCheck]:
    """The checks of one component, example by example."""
    try:
        cls: type[Component] = entry.load()
    except PluginFailed:
        return [_bind(CLASS_IS_THERE, Subject(entry, Component))]
    try:
        examples = [dict(example) for example in cls.examples()]
        if not examples:
            raise ValueError("it is empty, and nothing would be checked")
    except Exception as error:
        return [_failing(entry, error)]
    subjects = [Subject(entry, cls, index, example) for index, example in enumerate(examples)]
    return [_bind(check, subject) for subject in subjects for check in checks_for(subject)]


def _bind(check: Check, subject: Subject) -> BoundCheck:
    entry = subject.entry
    return BoundCheck(entry.plugin, entry.kind, entry.name, subject.index, check.name, lambda: check.function(subject))


def _failing(entry: Entry, error: Exception) -> BoundCheck:
    def run() -> None:
        raise CheckFailed(
            "a list of settings from examples()", found=f"{type(error).__name__}: {shown(error)}"
        ) from error

    return BoundCheck(entry.plugin, entry.kind, entry.name, 0, "tags_and_examples", run)


def expected(bound: BoundCheck, failures: Mapping[str, str]) -> str | None:
    """Why ``bound`` is expected to fail; None where it is not."""
    return next((failures[key] for key in bound.keys if key in failures), None)


def refuse_unknown_keys(bound: list[BoundCheck], failures: Mapping[str, str]) -> None:
    """Refuse expected failures that name no check: they would hide nothing, and stay for ever.

    Raises:
        SettingError: with the name that was meant.
    """
    known = {key for one in bound for key in one.keys}
    for key, reason in failures.items():
        if key not in known:
            raise SettingError(
                f'expected_failures: "{shown(key)}" is no check of this plugin',
                hint=did_you_mean(key, known) or 'keys look like "encoder mine: same_row_alone"',
            )
        if not reason:
            raise SettingError(f'expected_failures: "{shown(key)}" has no reason', hint="say why it may fail")


def run_check(bound: BoundCheck, reason: str | None) -> CheckResult:
    """Run one check; ``reason`` is why it is expected to fail."""
    started = time.perf_counter()
    status: Status
    said = reason or ""
    try:
        bound()
    except CheckSkipped as skipped:
        status, said = "skipped", str(skipped)
    except CheckFailed as failed:
        status = "failed" if reason is None else "expected"
        said = reason or str(failed)
    else:
        status = "passed" if reason is None else "unexpectedly passed"
    seconds = round(time.perf_counter() - started, 3)
    return CheckResult(bound.plugin, bound.kind, bound.component, bound.example, bound.name, status, said, seconds)


def check_plugin(
    plugin: str, *, expected_failures: Mapping[str, str] | None = None, checks: list[str] | None = None
) -> list[CheckResult]:
    """Hold every component of an installed plugin against its contracts.

    Arguments:
        plugin: its name, as ``zoo plugins`` shows it.
        expected_failures: ``"encoder mine: same_row_alone"`` (or ``"encoder mine[0]: …"`` for one example) to the reason.
        checks: names of checks, to run only these.

    Raises:
        UnknownName: no such plugin, or no such check.
        SettingError: an expected failure that names no check.
    """
    bound = bound_checks(plugin)
    failures = dict(expected_failures or {})
    refuse_unknown_keys(bound, failures)
    if checks is not None:
        known = {check.name for check in (*CHECKS, *PLUGIN_CHECKS)}
        for name in checks:
            if name not in known:
                raise UnknownName(
                    f'there is no check "{shown(name)}"', hint=did_you_mean(name, known) or "see docs/conformance.md"
                )
        bound = [one for one in bound if one.name in checks]
    return [run_check(one, expected(one, failures)) for one in bound]
