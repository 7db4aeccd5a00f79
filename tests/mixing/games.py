"""The games of the mix matrix: generative adversarial networks, and what the zoo says to each.

Every net is tried with `gan`, in each of its settings; the other objectives with the nets as they come, and with the smallest in all
their settings; every prior, and a game beside every other objective, with the smallest as they come.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import zoo_core as zoo
from zoo_core.errors import IncompatibleError, SettingError

from .answers import EASIEST, Answer, answers
from .combinations import PRIOR, Objectives, priors, title
from .rows import (
    LATENT_DIM,
    Row,
    adversarial,
    discriminator_rows,
    every_row,
    joint,
    objective_rows,
    official,
    own_width,
    plays,
)

SMALLEST = "mlp"
"""The net that all priors and pairs of objectives are tried with, as decoder and as discriminator."""

GAME = "gan"
"""The game that all nets are tried with, and beside which stands what is no game of its own."""

NET_PRIORS = (PRIOR, "uniform")
"""The priors that all nets are tried with, in another setting than their own with the first alone."""

WIDELY_CLIPPED = {"training.players.discriminator.constraint": 0.1}
"""Set with `wgan`: through nets as small as these, weights within ±0.01 leave the generator a gradient too small to move a float."""

DISCRETE = Row("bgan", {"pixels": "discrete", "draws": 2}, "bgan, pixels=discrete", plain=False)
MATCHING = Row("feature-matching", {"discriminate": False}, "feature-matching, discriminate=false", plain=False)


@dataclass(frozen=True)
class Game:
    """Decoder × discriminator × objectives × prior × sampler, on the recipe ``gan``."""

    decoder: Row
    discriminator: Row
    objectives: Objectives
    prior: Row
    sampler: str

    def __str__(self) -> str:
        nets = f"{self.decoder.label} against {self.discriminator.label}"
        return f"{nets} × {title(self.objectives)} × prior {self.prior.label} × sampler {self.sampler}"

    @property
    def trained(self) -> tuple[Row, Row, Objectives, Row]:
        """What tells its training from those of the others: all but the sampler."""
        return self.decoder, self.discriminator, self.objectives, self.prior

    @property
    def settings(self) -> dict[str, Any]:
        """What a user would type for it."""
        clipped = any(objective.name == "wgan" for objective in self.objectives)
        return {
            **(WIDELY_CLIPPED if clipped else {}),
            "decoder": self.decoder.setting,
            "discriminator": self.discriminator.setting,
            "objective": [objective.setting for objective in self.objectives],
            "prior": self.prior.setting,
            "sampler": self.sampler,
            "latent_dim": own_width(self.prior) or LATENT_DIM,
        }

    def build(self) -> zoo.Model:
        """The model, or the refusal; which a sampler may also utter when it is asked for a picture."""
        model = zoo.build("gan", data="digits", **self.settings)
        model.sample(1, seed=0)
        return model


@dataclass
class GameOutcomes:
    """What became of the games of one decoder.

    Arguments:
        accepted: how many, by discriminator, objectives and prior.
        refusals: text of each refusal, to how many there were.
    """

    accepted: Counter[tuple[Row, Objectives, Row]] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> tuple[int, int]:
        """How many were accepted and refused."""
        return self.accepted.total(), self.refusals.total()

    def count(self, one: Game, said: Answer) -> None:
        """Count ``one``, accepted as a model or refused."""
        if isinstance(said, IncompatibleError | SettingError):
            self.refusals[str(said)] += 1
        else:
            self.accepted[one.discriminator, one.objectives, one.prior] += 1


def tried_games(decoder: Row) -> Iterator[tuple[Game, Answer]]:
    """Every game with ``decoder`` that is tried, with the model or the refusal."""
    games = itertools.product(discriminator_rows(), all_games(), priors())
    return answers(Game(decoder, *game, EASIEST) for game in games if is_tried(decoder, *game))


def is_tried(decoder: Row, discriminator: Row, objectives: Objectives, prior: Row) -> bool:
    """Whether this is among the games that are tried."""
    nets = (decoder, discriminator)
    plain, smallest = all(net.plain for net in nets), all(net.name == SMALLEST for net in nets)
    if plain and smallest:
        return objectives in net_games() or prior.label in NET_PRIORS
    if objectives not in net_games():
        return False
    if objectives == net_games()[0]:
        fits = plain or smallest or any(net.plain for net in nets) or all(net.params.get("conditional") for net in nets)
        return fits and prior.label in (NET_PRIORS if plain else NET_PRIORS[:1])
    return prior.label == PRIOR and (plain or smallest)


def decoders() -> tuple[Row, ...]:
    """The rows of all decoders."""
    return every_row("decoder")


@cache
def net_games() -> tuple[Objectives, ...]:
    """``gan``, each other game alone, and each adversarial objective that is none beside ``gan``."""
    games = [*_rows(games=True), DISCRETE]
    (game,) = (row for row in games if row.name == GAME)
    beside = [(game, row) for row in _rows(games=False)]
    return ((game,), *((row,) for row in games if row is not game), *beside)


@cache
def all_games() -> tuple[Objectives, ...]:
    """Those of ``net_games``, each other game beside each adversarial objective that is none, `gan` with feature matching that leaves
    the discriminator to it, and two games at once."""
    games = {row.name: row for (row, *more) in net_games() if not more and row.plain}
    pairs = itertools.product(games.values(), _rows(games=False))
    mixed = [(games[GAME], MATCHING), (games[GAME], games["hinge"])]
    return tuple(dict.fromkeys((*net_games(), *pairs, *mixed)))


def _rows(*, games: bool) -> list[Row]:
    """The adversarial objectives over images alone that are games of their own, or those that are not."""
    names = [entry.name for entry in official("objective") if adversarial(entry.name) and not joint(entry.name)]
    return [objective_rows(name)[0] for name in names if plays(name) == games]
