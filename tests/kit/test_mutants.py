"""The kit catches components that are broken in one way each.

The lists are in ``broken_*.py``: every mutant is a correct component of ``originals`` with one change, and stands
beside the check that must say so. ``test_originals`` says that those checks pass where nothing is broken.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from zoo_core.interfaces import (
    Attack,
    Component,
    Decoder,
    Encoder,
    FeatureExtractor,
    Head,
    Metric,
    Objective,
    Plot,
    Prior,
    Sampler,
)

from . import originals
from .broken_constructors import CONSTRUCTORS
from .broken_forwards import FORWARDS
from .broken_objectives import OBJECTIVES
from .broken_parts import PARTS
from .broken_plots import PLOTS
from .broken_samplers import SAMPLERS_AND_METRICS
from .holding import results

KINDS = {
    "encoder": Encoder,
    "decoder": Decoder,
    "feature-extractor": FeatureExtractor,
    "prior": Prior,
    "head": Head,
    "attack": Attack,
    "objective": Objective,
    "sampler": Sampler,
    "metric": Metric,
    "plot": Plot,
}
MUTANTS: Mapping[type[Component], str] = {
    **FORWARDS,
    **CONSTRUCTORS,
    **PARTS,
    **OBJECTIVES,
    **SAMPLERS_AND_METRICS,
    **PLOTS,
}


@pytest.mark.parametrize(("cls", "check"), MUTANTS.items(), ids=lambda value: getattr(value, "__name__", value))
def test_a_mutant_is_caught(cls: type[Component], check: str) -> None:
    kind = next(kind for kind, base in KINDS.items() if issubclass(cls, base))
    assert "failed" in [result.status for result in results(kind, cls, only=check)]


def test_every_mutant_is_a_correct_component_with_a_change() -> None:
    correct = tuple(cls for name, cls in vars(originals).items() if name.startswith("Plain"))
    assert all(issubclass(mutant, correct) and mutant not in correct for mutant in MUTANTS)
    assert len(MUTANTS) >= 90
