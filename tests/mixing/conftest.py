"""The data that every combination is tried on, and the counts, said at the end of a run."""

from __future__ import annotations

import pytest

import zoo_core as zoo
from zoo_core.data import ArrayDataset

from .trial import COUNT


@pytest.fixture(scope="module")
def digits() -> ArrayDataset:
    """Ten real digits, two of which are held out: an epoch of two batches."""
    train = zoo.open_dataset("digits").split("train")
    return ArrayDataset(train.x[: 2 * COUNT + 2], train.y[: 2 * COUNT + 2])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many combinations were accepted and refused, by encoder and in all."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    counts = [value for report in reports for name, value in report.user_properties if name == "mixing"]
    if not counts:
        return
    terminalreporter.section("mix matrix")
    for label, accepted, refused in [*sorted(counts), ["in all", sum(c[1] for c in counts), sum(c[2] for c in counts)]]:
        terminalreporter.line(f"{label:40} {accepted:5} accepted {refused:5} refused")
