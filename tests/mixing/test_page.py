"""docs/mixing.md says what is there, and what it shows can be typed."""

from __future__ import annotations

import re

import pytest

import zoo_core as zoo
from zoo_core.errors import SettingError

from .combinations import CODE_NET, code_objectives, priors, title
from .games import SMALLEST, all_games, decoders
from .games_page import BY_DISCRIMINATOR, BY_OBJECTIVES, SMALLEST_GAMES
from .page import COUNTS, NETS, PAGE, decoders_line, every_encoder
from .rows import discriminator_rows

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


def test_the_tables_of_games_hold_every_decoder_discriminator_and_mix() -> None:
    by_discriminator, by_objectives, smallest = (
        _table(name) for name in (BY_DISCRIMINATOR, BY_OBJECTIVES, SMALLEST_GAMES)
    )
    labels = [row.label for row in decoders()]
    assert [row[0] for row in by_discriminator] == ["decoder", *labels]
    assert by_discriminator[0][1:-2] == [row.label for row in discriminator_rows()]
    assert [row[0] for row in by_objectives[1:]] == [
        row.label for row in decoders() if row.plain or row.name == SMALLEST
    ]
    assert [row[0] for row in smallest[1:]] == [title(objectives) for objectives in all_games()]
    assert smallest[0][1:] == [prior.label for prior in priors()]


def test_the_counts_are_the_sums_of_the_tables_of_nets_and_of_games_and_there_are_enough() -> None:
    sums = [[int(n) for n in row[-2:]] for name in (NETS, BY_DISCRIMINATOR) for row in _table(name)[1:]]
    said = COUNTS.search(TEXT)
    assert said is not None
    accepted, refused = (int(n.replace(",", "")) for n in said.groups())
    assert [accepted, refused] == [sum(column) for column in zip(*sums)]
    assert accepted >= 150


def _table(title: str) -> list[list[str]]:
    """The cells of the table of this title: its head, then its rows."""
    head, _, *rows = TEXT.partition(title + "\n\n")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in (head, *rows)]


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
