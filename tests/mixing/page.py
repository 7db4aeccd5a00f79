"""The part of docs/mixing.md that is made of outcomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from .combinations import (
    Outcomes,
    code_objectives,
    net_objectives,
    priors,
    title,
    tried,
    tried_on_codes,
    tried_on_nets,
    ways,
)
from .games import GameOutcomes, decoders, tried_games
from .games_tables import games_head, games_lines, games_tables
from .rows import Row, official, rows
from .tables import head, line

PAGE = Path(__file__).parents[2] / "docs" / "mixing.md"
BEGIN, END = "<!-- the matrix: python docs/make_mixing.py -->", "<!-- end of the matrix -->"
COUNTS = re.compile(r"\*\*([\d,]+) combinations are accepted, ([\d,]+) refused\.\*\*")


@cache
def every_encoder() -> tuple[Row, ...]:
    """The rows of all encoders."""
    return tuple(row for entry in official("encoder") for row in rows("encoder", entry.name))


def decoders_line() -> str:
    """The rows of all decoders."""
    return f"Decoders: {'; '.join(row.label for row in decoders())}."


def judged() -> dict[str, Outcomes]:
    """The outcomes of every encoder's row, by building alone."""
    outcomes: dict[str, Outcomes] = {}
    for encoder in every_encoder():
        own = outcomes[encoder.label] = Outcomes()
        for one, model in tried(encoder):
            own.count(one, model)
    return outcomes


def judged_games() -> dict[str, GameOutcomes]:
    """The outcomes of every decoder's row, by building alone."""
    outcomes: dict[str, GameOutcomes] = {}
    for decoder in decoders():
        own = outcomes[decoder.label] = GameOutcomes()
        for one, model in tried_games(decoder):
            own.count(one, model)
    return outcomes


def lines(label: str, outcomes: Outcomes) -> list[str]:
    """The lines that the page has to hold for one encoder's row: one in each of the first two tables, its own table of codes, and
    its refusals."""
    accepted, refused = outcomes.counts
    by_objectives = [outcomes.accepted.get(objectives, 0) for objectives in net_objectives()]
    by_way = [outcomes.sampled.get(way, 0) for way in ways()]
    return [
        _line([label, *_numbers(by_objectives), f"{accepted}", f"{refused}"]),
        _line([label, *_numbers(by_way)]),
        *codes(label, outcomes),
        *(f"- `{text}`" for text in outcomes.refusals),
    ]


def codes(label: str, outcomes: Outcomes) -> list[str]:
    """The table of one encoder's combinations of codes, by objectives and prior; nothing where none was tried."""
    if not outcomes.of_codes:
        return []
    table = [f"Accepted with the encoder `{label}`, by objectives and prior:", ""]
    table += _head(["objectives", *(prior.label for prior in priors())])
    for objectives in code_objectives():
        numbers = [
            f"{outcomes.of_codes.get((objectives, prior), 0) or '–'}" if tried_on_codes(objectives, prior) else ""
            for prior in priors()
        ]
        table.append(_line([title(objectives), *numbers]))
    return [*table, ""]


def matrix(outcomes: Mapping[str, Outcomes]) -> str:
    """The tables, the counts and the refusals, for all encoders."""
    each = {label: lines(label, own) for label, own in outcomes.items()}
    accepted, refused = (sum(counts) for counts in zip(*(own.counts for own in outcomes.values())))
    sampling = [f"{sampler}, {f'prior {prior.label}' if prior else 'no prior'}" for sampler, prior in ways()]
    refusals = [f"- `{text}`" for own in outcomes.values() for text in own.refusals]
    return "\n".join(
        [
            BEGIN,
            f"**{accepted:,} combinations are accepted, {refused:,} refused.**",
            "",
            decoders_line(),
            "",
            "Accepted of the nets, by encoder and objectives (the last two numbers: of nets and codes together):",
            "",
            *_head(["encoder", *(title(objectives) for objectives in net_objectives()), "accepted", "refused"]),
            *(own[0] for own in each.values()),
            "",
            "Accepted of the nets, by encoder, sampler and prior:",
            "",
            *_head(["encoder", *sampling]),
            *(own[1] for own in each.values()),
            "",
            *(line for label, own in outcomes.items() for line in codes(label, own)),
            "Every refusal, with ENCODER for the encoder's name:",
            "",
            *dict.fromkeys(refusals),
            END,
        ]
    )


def with_matrix(page: str, made: str) -> str:
    """``page`` with ``made`` in the place of its matrix."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + made + after


def _head(cells: list[str]) -> list[str]:
    return [_line(cells), _line(["---", *("--:" for _ in cells[1:])])]


def _numbers(counts: list[int]) -> list[str]:
    return [f"{n}" if n else "–" for n in counts]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
