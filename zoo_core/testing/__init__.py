"""What tests of plugins and of publishing need: the conformance kit, and a Hub of one's own (:mod:`zoo_core.testing.hub`).

>>> from zoo_core.testing import parametrize_with_checks
>>> @parametrize_with_checks("zoo-mine")
... def test_conformance(check):
...     check()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo_core.testing.parametrized import parametrize_with_checks
    from zoo_core.testing.results import CheckFailed, CheckResult, CheckSkipped
    from zoo_core.testing.running import check_plugin

__all__ = ["CheckFailed", "CheckResult", "CheckSkipped", "check_plugin", "parametrize_with_checks"]


def __getattr__(name: str) -> Any:
    """The kit, imported (with torch) when it is asked for: the Hub beside it needs neither."""
    from importlib import import_module

    homes = {"check_plugin": "running", "parametrize_with_checks": "parametrized"}
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"zoo_core.testing.{homes.get(name, 'results')}"), name)
