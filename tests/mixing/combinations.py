"""The combinations of the mix matrix, and what the zoo says to each.

The whole product would take too long. Parts of it are tried: of *nets*, every encoder with every decoder, by the
objectives that look at pictures; of *codes*, every posterior with every prior, by all objectives, on the smallest nets alone.
Models without an encoder are in games.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch

import zoo_core as zoo
from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.interfaces import Need, Objective
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry

from .answers import EASIEST, Answer, answers, samplers
from .rows import CATEGORIES, LATENT_DIM, Row, adversarial, every_row, objective_rows, official, own_width, pairs, rows

CLASSIFIER: dict[str, Any] = {"name": "digit-classifier", "layers": ["conv1"]}
DISCRIMINATOR: dict[str, Any] = {"name": "mlp", "hidden": [8], "features": 8}
"""What fills a feature extractor that an objective asks for; of other kinds, the first component that is registered."""

PRIOR = "gaussian"
"""The prior that every net is tried with."""

CODE_NET = "mlp"
"""The net that all priors are tried with."""

Objectives = tuple[Row, ...]


@dataclass(frozen=True)
class Combination:
    """Encoder × decoder × objectives × sampler × prior (or none).

    Arguments:
        of_codes: it is tried for its prior and objectives, not for its nets.
    """

    encoder: Row
    decoder: Row
    objectives: Objectives
    sampler: str
    prior: Row | None
    of_codes: bool = False

    def __str__(self) -> str:
        prior = f"prior {self.prior.label}" if self.prior else "no prior"
        return (
            f"{self.encoder.label} × {self.decoder.label} × {title(self.objectives)} × sampler {self.sampler}, {prior}"
        )

    @property
    def trained(self) -> tuple[Row, Objectives, Row | None]:
        """What tells its training from those of the others with this encoder: all but the sampler."""
        return self.decoder, self.objectives, self.prior

    @property
    def settings(self) -> dict[str, Any]:
        """What a user would type for it."""
        asked: dict[str, Any] = {}
        for objective in self.objectives:
            for slot, need in _needs(objective.name).items():
                if slot not in ("encoder", "decoder", "prior"):
                    asked[slot] = _filling(slot, need)
        if self.prior:
            asked["prior"] = self.prior.setting
        own = self.prior and own_width(self.prior)
        return {
            "encoder": _fitted(self.encoder, own),
            "decoder": _fitted(self.decoder, own),
            "objective": [objective.setting for objective in self.objectives],
            "sampler": self.sampler,
            "latent_dim": own or LATENT_DIM,
            **asked,
        }

    def build(self) -> zoo.Model:
        """The model, or the refusal; which a sampler may also utter when it is asked for a picture."""
        model = zoo.build("vae" if self.prior else "autoencoder", data="digits", **self.settings)
        from_images = model.sampler().starts_from_images(model)
        model.sample(1, seed=0, **({"x": torch.zeros(2, *model.image_shape)} if from_images else {}))
        return model


@dataclass
class Outcomes:
    """What became of the combinations of one encoder.

    Arguments:
        accepted: how many of nets, by objectives.
        sampled: for each (sampler, prior), how many of nets were accepted.
        of_codes: how many of codes were accepted, by objectives and prior.
        refusals: text of each refusal, without the encoder's name, to how many there were.
    """

    accepted: dict[Objectives, int] = field(default_factory=dict)
    sampled: dict[tuple[str, Row | None], int] = field(default_factory=dict)
    of_codes: dict[tuple[Objectives, Row | None], int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> tuple[int, int]:
        """How many were accepted and refused."""
        return sum(self.accepted.values()) + sum(self.of_codes.values()), sum(self.refusals.values())

    def count(self, one: Combination, said: Answer) -> None:
        """Count ``one``, accepted as a model or refused."""
        if isinstance(said, IncompatibleError | SettingError):
            text = str(said).replace(f'"{one.encoder.name}"', '"ENCODER"')
            text = text.replace(f"zoo info {one.encoder.name}", "zoo info ENCODER")
            self.refusals[text] = self.refusals.get(text, 0) + 1
        elif one.of_codes:
            key = (one.objectives, one.prior)
            self.of_codes[key] = self.of_codes.get(key, 0) + 1
        else:
            self.accepted[one.objectives] = self.accepted.get(one.objectives, 0) + 1
            way = (one.sampler, one.prior)
            self.sampled[way] = self.sampled.get(way, 0) + 1


def tried(encoder: Row) -> Iterator[tuple[Combination, Answer]]:
    """Every combination with ``encoder`` that is tried, with the model or the refusal."""
    yield from answers(_of_nets(encoder))
    if encoder.name == CODE_NET:
        yield from answers(_of_codes(encoder))


def _of_nets(encoder: Row) -> Iterator[Combination]:
    (gaussian,) = rows("prior", PRIOR)
    for (_, decoder), objectives in itertools.product(pairs(encoder), net_objectives()):
        if objectives in mixes():
            if encoder.plain and decoder.plain:
                yield Combination(encoder, decoder, objectives, EASIEST, gaussian)
            continue
        # What no autoencoder can be trained with is refused with a prior and without.
        for prior in (gaussian, None) if is_taken(objectives[0].name) else (gaussian,):
            yield Combination(encoder, decoder, objectives, EASIEST, prior)


def _of_codes(encoder: Row) -> Iterator[Combination]:
    for decoder, prior, objectives in itertools.product(code_decoders(), priors(), code_objectives()):
        if tried_on_codes(objectives, prior) and not (own_width(prior) and "categories" in decoder.params):
            yield Combination(encoder, decoder, objectives, EASIEST, prior, of_codes=True)


def ways() -> list[tuple[str, Row | None]]:
    """How the model of a combination of nets may be sampled: each sampler, with a prior and without one."""
    (gaussian,) = rows("prior", PRIOR)
    return [(sampler, prior) for sampler in samplers() for prior in (gaussian, None)]


def priors() -> tuple[Row, ...]:
    """The rows of all priors."""
    return every_row("prior")


@cache
def code_decoders() -> tuple[Row, ...]:
    """The decoders that all priors are tried with, each as it comes: the fully connected one, and any that divides its codes."""
    plain = [rows("decoder", entry.name)[0] for entry in official("decoder")]
    return tuple(row for row in plain if row.name == CODE_NET or "categories" in row.params)


@cache
def net_objectives() -> tuple[Objectives, ...]:
    """Each objective alone that looks at pictures, each two of these that the plain VAE takes, the adversarial autoencoder, and mixes
    with a game."""
    alone = [(row,) for entry in official("objective") if looks_at_pictures(entry.name) for row in _plain(entry.name)]
    taken = [row for (row,) in alone if _is_taken_by(_PLAIN_VAE, row)]
    return (*alone, *itertools.combinations(taken, 2), _named("adversarial-prior", "reconstruction"), *mixes())


@cache
def mixes() -> tuple[Objectives, ...]:
    """Objectives of several publications, a game among them."""
    return (
        _named("elbo", "gan"),
        _named("elbo", "discreg", "gan"),
        _named("reconstruction", "adversarial-prior", "gan", "dfm"),
    )


def tried_on_nets(objectives: Objectives, encoder: Row) -> bool:
    """Whether ``objectives`` are tried with ``encoder``: mixes with a game, where it is plain."""
    return encoder.plain or objectives not in mixes()


@cache
def code_objectives() -> tuple[Objectives, ...]:
    """Each objective alone and each two that a model takes, those of every recipe that has more, and the adversarial autoencoder with
    another publication's term and with a critic that is told the labels."""
    names = [entry.name for entry in official("objective") if not adversarial(entry.name)]
    taken = [row for name in names if is_taken(name) for row in _plain(name)]
    told = [row for entry in official("objective") for row in objective_rows(entry.name) if not row.plain]
    recipes = {
        tuple(sorted(recipe.objectives))
        for recipe in catalogue().recipes.values()
        if not any(adversarial(objective) for objective in recipe.objectives)
    }
    chosen = [*((row,) for row in taken), *itertools.combinations(taken, 2)]
    chosen += [_named(*names) for names in sorted(recipes) if len(names) > 2]
    chosen += [_named("adversarial-prior", "discreg", "reconstruction")]
    chosen += [(row, *_named("reconstruction")) for row in told]
    return tuple(one for one in dict.fromkeys(chosen) if any(tried_on_codes(one, prior) for prior in priors()))


def tried_on_codes(objectives: Objectives, prior: Row) -> bool:
    """Whether ``objectives`` are tried with ``prior`` on codes: those that it has a part in, with each; the rest, with one."""
    if prior.name == PRIOR:
        return objectives not in net_objectives()
    return any("prior" in _needs(row.name) for row in objectives)


def title(objectives: Objectives) -> str:
    """How the page calls them."""
    return " + ".join(row.label for row in objectives)


def looks_at_pictures(objective: str) -> bool:
    """Whether it asks for a decoder or for a classifier of pictures, and is no part of a game: which nets there are may matter to it."""
    return not adversarial(objective) and any(
        need.kind in ("decoder", "feature-extractor") for need in _needs(objective).values()
    )


@cache
def is_taken(objective: str) -> bool:
    """Whether there is a model that can be built with ``objective`` alone: the plain VAE, or the autoencoder of joint codes."""
    (row, *_) = objective_rows(objective)
    return _is_taken_by(_PLAIN_VAE, row) or _is_taken_by(_JOINT_CODES, row)


_PLAIN_VAE = ({"posterior": "gaussian"}, "mlp", {"hidden": [8]}, "gaussian", {})
_JOINT_CODES = (
    {"posterior": "joint", "categories": CATEGORIES},
    "cluster-heads",
    {"categories": CATEGORIES, "net": {"hidden": [8]}},
    "categorical-gaussian",
    {"categories": CATEGORIES},
)


def _is_taken_by(model: tuple[dict[str, Any], str, dict[str, Any], str, dict[str, Any]], objective: Row) -> bool:
    posterior, decoder, decoder_params, prior, prior_params = model
    encoder = Row("mlp", {"hidden": [8], **posterior})
    one = Combination(encoder, Row(decoder, decoder_params), (objective,), "prior", Row(prior, prior_params))
    try:
        one.build()
    except (IncompatibleError, SettingError):
        return False
    return True


def _plain(objective: str) -> list[Row]:
    return [row for row in objective_rows(objective) if row.plain]


def _named(*objectives: str) -> Objectives:
    return tuple(row for name in objectives for row in _plain(name))


def _fitted(row: Row, own: int | None) -> dict[str, Any]:
    """Its setting for codes of the width ``own``, which leave room for a label of one category where they are narrow."""
    if own and own <= CATEGORIES and "categories" in row.params:
        return {**row.setting, "categories": own - 1}
    return row.setting


def _filling(slot: str, need: Need) -> dict[str, Any]:
    if need.kind != "feature-extractor":
        return {"name": official(need.kind)[0].name}
    if slot == "discriminator" or "score" in need.capabilities:
        return DISCRIMINATOR
    return {**CLASSIFIER, "layers": ["conv1", "logits"]} if "logits" in need.capabilities else CLASSIFIER


def _needs(objective: str) -> Mapping[str, Need]:
    cls: type[Objective] = registry().resolve("objective", objective).entry.load()
    return cls.needs
