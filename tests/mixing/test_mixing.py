"""Everything mixes with everything that the seams allow; the rest is refused at build, in words that help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import zoo_core as zoo
from zoo_core.data import ArrayDataset

from .combinations import Outcomes, tried
from .page import PAGE, every_encoder, lines
from .rows import Row
from .trial import faults


@pytest.mark.parametrize("encoder", every_encoder(), ids=lambda row: row.label)
def test_every_combination_works_wholly_or_is_refused_at_build(
    encoder: Row, digits: ArrayDataset, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    outcomes, ready, found = Outcomes(), {}, []
    for one, said in tried(encoder):
        outcomes.count(one, said)
        if isinstance(said, zoo.Model):
            ready.setdefault(one.trained, (one, said, []))[2].append(one.sampler)
        elif not said.hint:
            found.append(f"{one}: refused without a hint: {said}")
    for i, (one, model, samplers) in enumerate(ready.values()):
        try:
            found += [f"{one}: {fault}" for fault in faults(model, samplers, digits, tmp_path / str(i))]
        except Exception as error:  # whatever it is, the others are tried too
            found.append(f"{one}: {type(error).__name__}: {error}")
    record_property("mixing", [encoder.label, *outcomes.counts])
    assert not found, f"{len(found)} faults:\n" + "\n".join(found[:20])
    page = PAGE.read_text().splitlines()
    stale = [line for line in lines(encoder.label, outcomes) if line not in page]
    assert not stale, f"docs/mixing.md is out of date (python docs/make_mixing.py): {stale}"
