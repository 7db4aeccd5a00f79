"""The tables of the games in docs/mixing.md."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from .combinations import Objectives, priors, title
from .games import SMALLEST, GameOutcomes, all_games, decoders, is_tried, net_games, tried_games
from .rows import Row, discriminator_rows
from .tables import head, line, number

BY_DISCRIMINATOR = "Accepted of the games of `gan`, by decoder and discriminator (the last two numbers: of all games):"
BY_OBJECTIVES = (
    "Accepted of the other games on all nets, by decoder and objectives, against all discriminators that were tried:"
)
SMALLEST_GAMES = (
    f"Accepted of the games of decoder `{SMALLEST}` against discriminator `{SMALLEST}`, by objectives, for each prior:"
)


def judged_games() -> dict[Row, GameOutcomes]:
    """The outcomes of every decoder's row, by building alone."""
    outcomes: dict[Row, GameOutcomes] = {}
    for decoder in decoders():
        own = outcomes[decoder] = GameOutcomes()
        for one, said in tried_games(decoder):
            own.count(one, said)
    return outcomes


def game_lines(decoder: Row, outcomes: GameOutcomes) -> list[str]:
    """The lines that the page has to hold for one decoder's row: one in each of the first two tables, the table of the smallest nets
    where it has a part in that, and its refusals."""
    smallest = _of_smallest(outcomes) if decoder.plain and decoder.name == SMALLEST else []
    return [_by_discriminator(decoder, outcomes), _by_objectives(decoder, outcomes), *smallest, *refusals(outcomes)]


def game_tables(outcomes: Mapping[Row, GameOutcomes]) -> list[str]:
    """The tables of all decoders."""
    (smallest,) = (own for decoder, own in outcomes.items() if decoder.plain and decoder.name == SMALLEST)
    against = [row.label for row in discriminator_rows()]
    return [
        BY_DISCRIMINATOR,
        "",
        *head(["decoder", *against, "accepted", "refused"]),
        *(_by_discriminator(decoder, own) for decoder, own in outcomes.items()),
        "",
        BY_OBJECTIVES,
        "",
        *head(["decoder", *(title(objectives) for objectives in net_games()[1:])]),
        *(_by_objectives(decoder, own) for decoder, own in outcomes.items()),
        "",
        SMALLEST_GAMES,
        "",
        *head(["objectives", *(prior.label for prior in priors())]),
        *_of_smallest(smallest),
        "",
    ]


def refusals(outcomes: GameOutcomes) -> list[str]:
    """A line for each refusal."""
    return [f"- `{text}`" for text in outcomes.refusals]


def _by_discriminator(decoder: Row, outcomes: GameOutcomes) -> str:
    gan = net_games()[0]
    numbers = [_cell(decoder, [row], gan, outcomes) for row in discriminator_rows()]
    return line([decoder.label, *numbers, *map(str, outcomes.counts)])


def _by_objectives(decoder: Row, outcomes: GameOutcomes) -> str:
    return line(
        [decoder.label, *(_cell(decoder, discriminator_rows(), objectives, outcomes) for objectives in net_games()[1:])]
    )


def _of_smallest(outcomes: GameOutcomes) -> list[str]:
    (plain,) = (row for row in discriminator_rows() if row.plain and row.name == SMALLEST)
    return [
        line([title(objectives), *(number(outcomes.accepted[plain, objectives, prior]) for prior in priors())])
        for objectives in all_games()
    ]


def _cell(decoder: Row, against: list[Row] | tuple[Row, ...], objectives: Objectives, outcomes: GameOutcomes) -> str:
    """How many were accepted with any prior, of what is tried."""
    tried = [
        (row, prior) for row, prior in itertools.product(against, priors()) if is_tried(decoder, row, objectives, prior)
    ]
    return number(sum(outcomes.accepted[row, objectives, prior] for row, prior in tried), tried=bool(tried))
