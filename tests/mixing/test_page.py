"""docs/mixing.md says what is there, and what it shows can be typed."""

from __future__ import annotations

import re

import pytest

import zoo_core as zoo
from zoo_core.errors import SettingError

from .combinations import CODE_NET, code_objectives, priors, title
from .page import COUNTS, PAGE, decoders_line, every_encoder

TEXT = PAGE.read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_tables_hold_the_rows_that_there_are_and_no_others() -> None:
    written = re.findall(r"^\| ([^|]+?) \| [\d–]", TEXT, re.MULTILINE)
    labels = [row.label for row in every_encoder()]
    assert written[: 2 * len(labels)] == 2 * labels
    assert decoders_line() in TEXT.splitlines()


def test_each_fully_connected_encoder_has_a_table_of_codes() -> None:
    tables = re.findall(r"^Accepted with the encoder `(.+)`, by objectives and prior:$", TEXT, re.MULTILINE)
    assert tables == [row.label for row in every_encoder() if row.name == CODE_NET]
    for table in TEXT.split(", by objectives and prior:\n\n")[1:]:
        head, _, *lines = table.partition("\n\n")[0].splitlines()
        assert [cell.strip() for cell in head.split("|")[2:-1]] == [prior.label for prior in priors()]
        assert [line.split("|")[1].strip() for line in lines] == [title(objectives) for objectives in code_objectives()]


def test_the_counts_are_the_sums_of_the_first_table_and_there_are_enough() -> None:
    sums = [[int(n) for n in counts] for counts in re.findall(r"^\|.* (\d+) \| (\d+) \|$", TEXT, re.MULTILINE)]
    first = sums[: len(every_encoder())]
    said = COUNTS.search(TEXT)
    assert said is not None
    accepted, refused = (int(n.replace(",", "")) for n in said.groups())
    assert [accepted, refused] == [sum(column) for column in zip(*first)]
    assert accepted >= 150


@pytest.mark.parametrize(
    "code", [pytest.param(EXAMPLES[0], id="mixed"), pytest.param(EXAMPLES[2], id="as-the-refusal-says")]
)
def test_the_examples_can_be_typed(code: str) -> None:
    exec(code, {"zoo": zoo})


def test_the_refusal_reads_as_the_page_says() -> None:
    with pytest.raises(SettingError) as told:
        exec(EXAMPLES[1], {"zoo": zoo})
    assert str(told.value) in TEXT.replace(";\n", "; ")


def test_a_model_set_as_the_refusal_says_trains_its_classifier() -> None:
    scope = {"zoo": zoo}
    exec(EXAMPLES[2].replace("zoo.build(", "model = zoo.build(", 1), scope)
    model: zoo.Model = scope["model"]  # type: ignore[assignment]
    before = model.parts["classifier"].net.head[-1].weight.detach().clone()
    next(zoo.rounds(model, "digits", batch_size=4, device="cpu"))
    assert not before.equal(model.parts["classifier"].net.head[-1].weight)
