"""The tables of the games in docs/mixing.md."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from .answers import tallied
from .combinations import Objectives, priors, title
from .games import SMALLEST, GameOutcomes, all_games, decoders, is_tried, net_games, tried_games
from .rows import Row, discriminator_rows
from .tables import line, number, table

BY_DISCRIMINATOR = "Accepted of the games of `gan`, by decoder and discriminator (the last two numbers: of all games):"
BY_OBJECTIVES = (
    "Accepted of the other games on all nets, by decoder and objectives, against all discriminators that were tried:"
)
SMALLEST_GAMES = (
    f"Accepted of the games of decoder `{SMALLEST}` against discriminator `{SMALLEST}`, by objectives, for each prior:"
)


def judged_games() -> dict[Row, GameOutcomes]:
    """The outcomes of every decoder's row, by building alone."""
    return tallied(decoders(), tried_games, GameOutcomes)


def game_lines(decoder: Row, outcomes: GameOutcomes) -> list[str]:
    """The lines that the page has to hold for one decoder's row: one in each of the first two tables that it is in, the table of the
    smallest nets where it has a part in that, and its refusals."""
    smallest = _of_smallest(outcomes) if decoder.plain and decoder.name == SMALLEST else []
    return [
        _by_discriminator(decoder, outcomes),
        *_by_objectives({decoder: outcomes}),
        *smallest,
        *refusals(outcomes),
    ]


def game_tables(outcomes: Mapping[Row, GameOutcomes]) -> list[str]:
    """The tables of all decoders."""
    (smallest,) = (own for decoder, own in outcomes.items() if decoder.plain and decoder.name == SMALLEST)
    by_discriminator = (_by_discriminator(decoder, own) for decoder, own in outcomes.items())
    against = [row.label for row in discriminator_rows()]
    mixes = [title(objectives) for objectives in net_games()[1:]]
    return [
        *table(BY_DISCRIMINATOR, ["decoder", *against, "accepted", "refused"], by_discriminator),
        *table(BY_OBJECTIVES, ["decoder", *mixes], _by_objectives(outcomes)),
        *table(SMALLEST_GAMES, ["objectives", *(prior.label for prior in priors())], _of_smallest(smallest)),
    ]


def refusals(outcomes: GameOutcomes) -> list[str]:
    """A line for each refusal."""
    return [f"- `{text}`" for text in outcomes.refusals]


def _by_discriminator(decoder: Row, outcomes: GameOutcomes) -> str:
    gan = net_games()[0]
    numbers = [_cell(decoder, [row], gan, priors(), outcomes) for row in discriminator_rows()]
    return line([decoder.label, *numbers, *map(str, outcomes.counts)])


def _by_objectives(outcomes: Mapping[Row, GameOutcomes]) -> list[str]:
    """A line for each decoder that is tried with other objectives."""
    rows = (
        [_cell(decoder, discriminator_rows(), objectives, priors(), own) for objectives in net_games()[1:]]
        for decoder, own in outcomes.items()
    )
    return [line([decoder.label, *cells]) for decoder, cells in zip(outcomes, rows) if any(cells)]


def _of_smallest(outcomes: GameOutcomes) -> list[str]:
    (decoder,) = (row for row in decoders() if row.plain and row.name == SMALLEST)
    (against,) = (row for row in discriminator_rows() if row.plain and row.name == SMALLEST)
    return [
        line([title(objectives), *(_cell(decoder, [against], objectives, [prior], outcomes) for prior in priors())])
        for objectives in all_games()
    ]


def _cell(
    decoder: Row, against: Sequence[Row], objectives: Objectives, given: Sequence[Row], outcomes: GameOutcomes
) -> str:
    """How many were accepted against these discriminators, with these priors, of what is tried."""
    tried = [
        (row, prior) for row, prior in itertools.product(against, given) if is_tried(decoder, row, objectives, prior)
    ]
    return number(sum(outcomes.accepted[row, objectives, prior] for row, prior in tried), tried=bool(tried))
