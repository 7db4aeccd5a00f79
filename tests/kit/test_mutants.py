"""The kit catches components that are broken in one way each.

The list is in ``broken_nets`` and ``broken_others``: every mutant is a correct component of ``originals`` with one change, and stands
beside the check that must say so. ``test_originals`` says that those checks pass where nothing is broken.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from zoo_core.interfaces import Component

from .broken_nets import NETS
from .broken_others import METRICS, OBJECTIVES, SAMPLERS
from .holding import results
from .originals import PlainDecoder, PlainEncoder, PlainExtractor, PlainPrior

BASES = {"encoder": PlainEncoder, "decoder": PlainDecoder, "feature-extractor": PlainExtractor, "prior": PlainPrior}


def kind_of(cls: type[Component]) -> str:
    return next(kind for kind, base in BASES.items() if issubclass(cls, base))


def mutants() -> list[tuple[str, type[Component], str]]:
    others: Mapping[str, Mapping[type[Component], str]] = {"objective": OBJECTIVES, "sampler": SAMPLERS, "metric": METRICS}
    listed = [(kind_of(cls), cls, check) for cls, check in NETS.items()]
    return listed + [(kind, cls, check) for kind, broken in others.items() for cls, check in broken.items()]


@pytest.mark.parametrize(("kind", "cls", "check"), mutants(), ids=lambda value: getattr(value, "__name__", value))
def test_a_mutant_is_caught(kind: str, cls: type[Component], check: str) -> None:
    found = results(kind, cls, only=check)
    assert "failed" in [result.status for result in found]


def test_there_are_far_more_than_thirty_mutants() -> None:
    assert len(mutants()) >= 90
