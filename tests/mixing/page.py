"""The part of docs/mixing.md that is made of outcomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .answers import tallied
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
from .games import GameOutcomes, decoders
from .games_page import game_tables, refusals
from .rows import Row, every_row
from .tables import line, number, table

PAGE = Path(__file__).parents[2] / "docs" / "mixing.md"
BEGIN, END = "<!-- the matrix: python docs/make_mixing.py -->", "<!-- end of the matrix -->"
NETS = "Accepted of the nets, by encoder and objectives (the last two numbers: of nets and codes together):"
WAYS = "Accepted of the nets, by encoder, sampler and prior:"
COUNTS = re.compile(r"\*\*([\d,]+) combinations are accepted, ([\d,]+) refused\.\*\*")


def every_encoder() -> tuple[Row, ...]:
    """The rows of all encoders."""
    return every_row("encoder")


def decoders_line() -> str:
    """The rows of all decoders."""
    return f"Decoders: {'; '.join(row.label for row in decoders())}."


def judged() -> dict[Row, Outcomes]:
    """The outcomes of every encoder's row, by building alone."""
    return tallied(every_encoder(), tried, Outcomes)


def lines(encoder: Row, outcomes: Outcomes) -> list[str]:
    """The lines that the page has to hold for one encoder's row: one in each of the first two tables, its own table of codes, and
    its refusals."""
    by_objectives = [
        number(outcomes.accepted.get(objectives, 0), tried=tried_on_nets(objectives, encoder))
        for objectives in net_objectives()
    ]
    return [
        line([encoder.label, *by_objectives, *map(str, outcomes.counts)]),
        line([encoder.label, *(number(outcomes.sampled.get(way, 0)) for way in ways())]),
        *codes(encoder, outcomes),
        *(f"- `{text}`" for text in outcomes.refusals),
    ]


def codes(encoder: Row, outcomes: Outcomes) -> list[str]:
    """The table of one encoder's combinations of codes, by objectives and prior; nothing where none was tried."""
    if not outcomes.of_codes:
        return []
    numbers = {
        objectives: [
            number(outcomes.of_codes.get((objectives, prior), 0), tried=tried_on_codes(objectives, prior))
            for prior in priors()
        ]
        for objectives in code_objectives()
    }
    return table(
        f"Accepted with the encoder `{encoder.label}`, by objectives and prior:",
        ["objectives", *(prior.label for prior in priors())],
        (line([title(objectives), *cells]) for objectives, cells in numbers.items()),
    )


def matrix(outcomes: Mapping[Row, Outcomes], games: Mapping[Row, GameOutcomes]) -> str:
    """The tables, the counts and the refusals, for all encoders, and for all decoders of games."""
    each = {encoder: lines(encoder, own) for encoder, own in outcomes.items()}
    accepted, refused = (sum(n) for n in zip(*(own.counts for own in (*outcomes.values(), *games.values()))))
    by_objectives = ["encoder", *(title(objectives) for objectives in net_objectives()), "accepted", "refused"]
    by_way = [f"{sampler}, {f'prior {prior.label}' if prior else 'no prior'}" for sampler, prior in ways()]
    refused_in_all = [f"- `{text}`" for own in outcomes.values() for text in own.refusals]
    refused_in_all += [text for own in games.values() for text in refusals(own)]
    return "\n".join(
        [
            BEGIN,
            f"**{accepted:,} combinations are accepted, {refused:,} refused.**",
            "",
            decoders_line(),
            "",
            *table(NETS, by_objectives, (own[0] for own in each.values())),
            *table(WAYS, ["encoder", *by_way], (own[1] for own in each.values())),
            *(text for encoder, own in outcomes.items() for text in codes(encoder, own)),
            *game_tables(games),
            "Every refusal, with ENCODER for the encoder's name:",
            "",
            *dict.fromkeys(refused_in_all),
            END,
        ]
    )


def with_matrix(page: str, made: str) -> str:
    """``page`` with ``made`` in the place of its matrix."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + made + after
