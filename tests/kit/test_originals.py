"""The kit finds nothing wrong with components that are right."""

from __future__ import annotations

import pytest

from zoo_core.interfaces import Component

from . import originals
from .holding import results

ORIGINALS = [
    ("encoder", originals.PlainEncoder),
    ("encoder", originals.PlainConditionalEncoder),
    ("decoder", originals.PlainDecoder),
    ("decoder", originals.PlainNoisyDecoder),
    ("decoder", originals.PlainTellingDecoder),
    ("feature-extractor", originals.PlainExtractor),
    ("prior", originals.PlainPrior),
    ("head", originals.PlainHead),
    ("attack", originals.PlainAttack),
    ("objective", originals.PlainObjective),
    ("objective", originals.PlainLabelObjective),
    ("objective", originals.PlainCritic),
    ("sampler", originals.PlainSampler),
    ("metric", originals.PlainMetric),
    ("plot", originals.PlainPlot),
]


@pytest.mark.parametrize(("kind", "cls"), ORIGINALS, ids=lambda value: getattr(value, "__name__", value))
def test_a_correct_component_passes_every_check(kind: str, cls: type[Component]) -> None:
    found = results(kind, cls)
    assert [f"{r.check}: {r.reason}" for r in found if r.status != "passed"] == []
    assert len(found) >= 8
