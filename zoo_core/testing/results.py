"""What a check says: nothing where the contract holds, CheckFailed where it does not; and the record of one that was run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["passed", "failed", "expected", "unexpectedly passed", "skipped"]


class CheckFailed(AssertionError):
    """A component broke its contract.

    Arguments:
        expected: what the contract says.
        found: what the component did.
        do: what its author can do about it.
    """

    def __init__(self, expected: str, *, found: str, do: str = "") -> None:
        self.expected, self.found, self.do = expected, found, do
        super().__init__(f"expected {expected}; found {found}{f'; {do}' if do else ''}")


class CheckSkipped(Exception):
    """A contract that cannot be checked here; the text says why."""


@dataclass(frozen=True)
class CheckResult:
    """One check of one example of one component.

    Arguments:
        plugin: the plugin's name.
        kind, component: what was checked; for a check of the whole plugin, ``plugin`` and its name.
        example: place in the component's ``examples()``.
        check: the check's name.
        status: ``expected`` is a failure that was announced, ``unexpectedly passed`` one that was announced and did not come.
        reason: why it failed, was expected to, or was skipped; empty where it passed.
        seconds: how long it took.
    """

    plugin: str
    kind: str
    component: str
    example: int
    check: str
    status: Status
    reason: str
    seconds: float

    @property
    def good(self) -> bool:
        """Whether nothing is to be done about it."""
        return self.status in ("passed", "expected", "skipped")

    def as_table(self) -> dict[str, Any]:
        """As JSON has it."""
        return dict(vars(self))
