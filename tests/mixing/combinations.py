"""The combinations of the mix matrix, and what ``build`` says to each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import zoo_core as zoo
from zoo_core.errors import SeamError, SettingError
from zoo_core.interfaces import Need, Objective
from zoo_core.registry import registry

from .rows import LATENT_DIM, Row, official, pairs

FILLING: dict[str, dict[str, Any]] = {"feature-extractor": {"name": "digit-classifier", "layers": ["conv1"]}}
"""What fills a part that an objective asks for; of other kinds, the first component that is registered."""


@dataclass(frozen=True)
class Combination:
    """Encoder × decoder × objectives × sampler × prior (or none)."""

    encoder: Row
    decoder: Row
    objectives: tuple[str, ...]
    sampler: str
    prior: str | None

    def __str__(self) -> str:
        prior = f"prior {self.prior}" if self.prior else "no prior"
        objectives = " + ".join(self.objectives)
        return f"{self.encoder.label} × {self.decoder.label} × {objectives} × sampler {self.sampler}, {prior}"

    @property
    def trained(self) -> tuple[Row, tuple[str, ...], str | None]:
        """What tells its training from those of the others with this encoder: all but the sampler."""
        return self.decoder, self.objectives, self.prior

    @property
    def settings(self) -> dict[str, Any]:
        """What a user would type for it."""
        asked: dict[str, Any] = {}
        for name in self.objectives:
            for slot, need in _objective(name).needs.items():
                if slot not in ("encoder", "decoder", "prior"):
                    asked[slot] = _filling(need)
        if self.prior:
            asked["prior"] = self.prior
        return {
            "encoder": self.encoder.setting,
            "decoder": self.decoder.setting,
            "objective": list(self.objectives),
            "sampler": self.sampler,
            "latent_dim": LATENT_DIM,
            **asked,
        }

    def build(self) -> zoo.Model:
        """The model, or the refusal."""
        return zoo.build("vae" if self.prior else "autoencoder", data="digits", **self.settings)


@dataclass
class Outcomes:
    """What became of the combinations of one encoder.

    Arguments:
        accepted: how many, by objectives.
        refusals: text of each refusal, without the encoder's name, to how many there were.
        sampled: for each (sampler, prior), how many were accepted.
    """

    accepted: dict[tuple[str, ...], int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    sampled: dict[tuple[str, str | None], int] = field(default_factory=dict)

    def accept(self, one: Combination) -> None:
        """Count ``one`` as accepted."""
        self.accepted[one.objectives] = self.accepted.get(one.objectives, 0) + 1
        way = (one.sampler, one.prior)
        self.sampled[way] = self.sampled.get(way, 0) + 1

    def refuse(self, one: Combination, error: SeamError | SettingError) -> None:
        """Count ``one`` as refused."""
        text = (
            str(error)
            .replace(f'"{one.encoder.name}"', '"ENCODER"')
            .replace(f"zoo info {one.encoder.name}", "zoo info ENCODER")
        )
        self.refusals[text] = self.refusals.get(text, 0) + 1


def combinations(encoder: Row) -> Iterator[Combination]:
    """All combinations with ``encoder``."""
    for (_, decoder), objectives in itertools.product(pairs(encoder), objective_sets()):
        # What an autoencoder cannot be trained with is refused whichever way it would be sampled.
        for sampler, prior in ways() if is_taken(objectives[0]) else ways()[:1]:
            yield Combination(encoder, decoder, objectives, sampler, prior)


def ways() -> list[tuple[str, str | None]]:
    """How a model may be sampled: each sampler, with each prior and without one."""
    priors = [*(entry.name for entry in official("prior")), None]
    return [(entry.name, prior) for entry in official("sampler") for prior in priors]


@cache
def objective_sets() -> tuple[tuple[str, ...], ...]:
    """Each objective alone, and each two of those that the plain VAE takes alone."""
    names = [entry.name for entry in official("objective")]
    return (*((name,) for name in names), *itertools.combinations(filter(is_taken, names), 2))


@cache
def is_taken(objective: str) -> bool:
    """Whether the plain VAE can be built with ``objective`` alone."""
    encoder, decoder = (Row("mlp", {"hidden": [8]}) for _ in range(2))
    try:
        Combination(encoder, decoder, (objective,), "prior", "gaussian").build()
    except (SeamError, SettingError):
        return False
    return True


def _filling(need: Need) -> dict[str, Any]:
    if need.kind not in FILLING:
        return {"name": official(need.kind)[0].name}
    filling = FILLING[need.kind]
    return {**filling, "layers": [*filling["layers"], "logits"]} if "logits" in need.capabilities else filling


def _objective(name: str) -> type[Objective]:
    cls: type[Objective] = registry().resolve("objective", name).entry.load()
    return cls
