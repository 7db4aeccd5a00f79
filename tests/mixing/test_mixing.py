"""Everything mixes with everything that the seams allow; the rest is refused at build, in words that help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import zoo_core as zoo
from zoo_core.data import ArrayDataset
from zoo_core.errors import SeamError, SettingError

from .combinations import Outcomes, combinations
from .rows import official, rows
from .trial import COUNT, try_out

ENCODERS = [entry.name for entry in official("encoder")]


@pytest.fixture(scope="module")
def digits() -> ArrayDataset:
    """Ten real digits, two of which are held out: an epoch of two batches."""
    train = zoo.open_dataset("digits").split("train")
    return ArrayDataset(train.x[: 2 * COUNT + 2], train.y[: 2 * COUNT + 2])


@pytest.mark.parametrize("name", ENCODERS)
def test_every_combination_works_wholly_or_is_refused_at_build(
    name: str, digits: ArrayDataset, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    faults = []
    for encoder in rows("encoder", name):
        outcomes = Outcomes()
        for i, one in enumerate(combinations(encoder)):
            try:
                model = one.build()
            except (SeamError, SettingError) as refusal:
                outcomes.refuse(one, refusal)
                if not refusal.hint:
                    faults.append(f"{one}: refused without a hint: {refusal}")
                continue
            outcomes.accept(one)
            try:
                wrong = try_out(model, digits, tmp_path / f"{encoder.label}-{i}")
            except Exception as error:
                wrong = [f"{type(error).__name__}: {error}"]
            faults += [f"{one}: {text}" for text in wrong]
        record_property("mixing", [encoder.label, sum(outcomes.accepted.values()), sum(outcomes.refusals.values())])
        print(encoder.label, outcomes)
    assert not faults, f"{len(faults)} faults, the first of them:\n" + "\n".join(faults[:20])
