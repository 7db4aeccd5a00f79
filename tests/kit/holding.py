"""Classes held against the kit without a plugin around them."""

from __future__ import annotations

from typing import Any

from zoo_core.interfaces import Component
from zoo_core.registry.names import Entry
from zoo_core.testing.results import CheckResult
from zoo_core.testing.running import component_checks, run_check


class Present(Entry):
    """An entry whose class is at hand, not behind an import."""

    found: type[Component]

    def load(self) -> type[Any]:
        return self.found


def entry(kind: str, cls: type[Component]) -> Present:
    """``cls`` as if a plugin had registered it."""
    made = Present(kind, cls.__name__.lower(), "zoo-tested", "0", "tests:Class", "a class under test", "", False)
    object.__setattr__(made, "found", cls)
    return made


def results(kind: str, cls: type[Component], only: str = "") -> list[CheckResult]:
    """What the kit says of ``cls``; of one check, where ``only`` names it."""
    return [run_check(bound, None) for bound in component_checks(entry(kind, cls)) if only in ("", bound.name)]
