"""The part of docs/mixing.md that is made of outcomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from zoo_core.errors import SeamError, SettingError

from .combinations import Outcomes, combinations, objective_sets, ways
from .rows import Row, official, rows

PAGE = Path(__file__).parents[2] / "docs" / "mixing.md"
BEGIN, END = "<!-- the matrix: python docs/make_mixing.py -->", "<!-- end of the matrix -->"
COUNTS = re.compile(r"\*\*([\d,]+) combinations are accepted, ([\d,]+) refused\.\*\*")


@cache
def every_encoder() -> tuple[Row, ...]:
    """The rows of all encoders."""
    return tuple(row for entry in official("encoder") for row in rows("encoder", entry.name))


def decoders_line() -> str:
    """The rows of all decoders."""
    labels = [row.label for entry in official("decoder") for row in rows("decoder", entry.name)]
    return f"Decoders: {'; '.join(labels)}."


def judged() -> dict[str, Outcomes]:
    """The outcomes of every encoder's row, by building alone."""
    outcomes: dict[str, Outcomes] = {}
    for encoder in every_encoder():
        own = outcomes[encoder.label] = Outcomes()
        for one in combinations(encoder):
            try:
                one.build()
            except (SeamError, SettingError) as refusal:
                own.refuse(one, refusal)
            else:
                own.accept(one)
    return outcomes


def lines(label: str, outcomes: Outcomes) -> list[str]:
    """The lines that the page has to hold for one encoder's row: one in each table, and its refusals."""
    accepted, refused = sum(outcomes.accepted.values()), sum(outcomes.refusals.values())
    by_objectives = [outcomes.accepted.get(objectives, 0) for objectives in objective_sets()]
    by_way = [outcomes.sampled.get(way, 0) for way in ways()]
    return [
        _line([label, *(f"{n}" if n else "–" for n in by_objectives), f"{accepted}", f"{refused}"]),
        _line([label, *(f"{n}" if n else "–" for n in by_way)]),
        *(f"- `{text}`" for text in outcomes.refusals),
    ]


def matrix(outcomes: Mapping[str, Outcomes]) -> str:
    """The tables, the counts and the refusals, for all encoders."""
    each = {label: lines(label, own) for label, own in outcomes.items()}
    accepted = sum(sum(own.accepted.values()) for own in outcomes.values())
    refused = sum(sum(own.refusals.values()) for own in outcomes.values())
    sampling = [f"{sampler}, {f'prior {prior}' if prior else 'no prior'}" for sampler, prior in ways()]
    return "\n".join(
        [
            BEGIN,
            f"**{accepted:,} combinations are accepted, {refused:,} refused.**",
            "",
            decoders_line(),
            "",
            "Accepted, by encoder and objectives:",
            "",
            *_head(["encoder", *(" + ".join(objectives) for objectives in objective_sets()), "accepted", "refused"]),
            *(own[0] for own in each.values()),
            "",
            "Accepted, by encoder, sampler and prior:",
            "",
            *_head(["encoder", *sampling]),
            *(own[1] for own in each.values()),
            "",
            "Every refusal, with ENCODER for the encoder's name:",
            "",
            *dict.fromkeys(line for own in each.values() for line in own[2:]),
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


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
