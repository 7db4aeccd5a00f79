"""The rows of the mix matrix: every component of a kind, and the choices of its parameters that change what it offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, get_args, get_origin

import torch

from zoo_core.building.builder import build_part
from zoo_core.building.plan import plan
from zoo_core.building.suggestions import Suggestions
from zoo_core.errors import SettingError, UnknownName
from zoo_core.interfaces import Decoder, Encoder, Labels, Need, Objective, Part, Prior
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import Entry, registry
from zoo_core.registry.parameter import Parameter, check, parameters

IMAGE_SHAPE = (1, 32, 32)
LABELS = Labels("classes", tuple("0123456789"))
LATENT_DIM = 20
"""Width of the codes, where the prior does not have its own."""

CATEGORIES = LABELS.count
"""How many of these numbers are the label's in a joint code: one for each class."""

SMALL: dict[str, tuple[Any, ...]] = {
    "width": (2,),
    "hidden": (8, [8]),
    "categories": (CATEGORIES,),
    "features": (8,),
    "denoiser": ({"name": "zoo-dfm:mlp-denoiser", "depth": 1},),
    "net": ({"name": "zoo-features:small-cnn", "width": 2, "hidden": 8}, {"name": "zoo-basics:mlp", "hidden": [8]}),
    "highest": (1.0,),
}
"""Values that keep a net small, for parameters of these names (``highest``: so low that the term is not 0); the first that the component
takes."""


@dataclass(frozen=True)
class Row:
    """A component as it is set.

    Arguments:
        name: the component's.
        params: everything that is set.
        label: how the page calls it: the name, and the choice that differs from the default.
        plain: whether every choice is the default.
    """

    name: str
    params: dict[str, Any] = field(hash=False)
    label: str = ""
    plain: bool = True

    @property
    def setting(self) -> dict[str, Any]:
        """The value of its slot, as ``build`` takes it."""
        return {"name": self.name, **self.params}


def official(kind: str) -> list[Entry]:
    """The components of the catalogue's own plugins; what else is installed here is not in the page."""
    return [entry for entry in registry().entries(kind) if entry.plugin in catalogue().plugins and not entry.family]


def rows(kind: Literal["encoder", "decoder", "prior"], name: str) -> list[Row]:
    """The component as it comes, then each choice of a parameter that makes it offer something else."""
    cls = registry().resolve(kind, name).entry.load()
    small = _small_settings(cls)
    offers = [_offer(_built(kind, name, small))]
    variants: list[tuple[Parameter, Any]] = []
    for parameter in parameters(cls).values():
        for choice in _choices(parameter):
            try:
                offer = _offer(_built(kind, name, {**small, parameter.name: choice}))
            except SettingError:  # the page's data have no attributes
                continue
            if offer not in offers:
                offers.append(offer)
                variants.append((parameter, choice))
    # Said aloud, or a recipe's own choice for a component of this name would stand.
    defaults = {parameter.name: parameter.default for parameter, _ in variants}
    made = [Row(name, {**small, **defaults}, name)]
    for parameter, choice in variants:
        params = {**small, **defaults, parameter.name: choice}
        made.append(Row(name, params, f"{name}, {parameter.name}={_shown(choice)}", plain=False))
    return made


@cache
def every_row(kind: Literal["encoder", "decoder", "prior"]) -> tuple[Row, ...]:
    """The rows of all components of a kind."""
    return tuple(row for entry in official(kind) for row in rows(kind, entry.name))


def objective_rows(name: str) -> list[Row]:
    """The objective as it comes, and told the labels where it can be."""
    cls = registry().resolve("objective", name).entry.load()
    small = _small_settings(cls)
    if "conditional" not in parameters(cls):
        return [Row(name, small, name)]
    told = Row(name, {**small, "conditional": True}, f"{name}, conditional=true", plain=False)
    return [Row(name, {**small, "conditional": False}, name), told]


@cache
def discriminator_rows() -> tuple[Row, ...]:
    """Every feature extractor with a score as it comes, then with each of its switches on."""
    made = plan(catalogue().recipe("gan"), {}, image_shape=IMAGE_SHAPE, labels=LABELS)
    able = Suggestions(made, build_part).fitting(Need("feature-extractor", frozenset({"score"})))
    found: list[Row] = []
    for name in (entry.name for entry in official("feature-extractor") if entry.name in able):
        cls = registry().resolve("feature-extractor", name).entry.load()
        switches = [key for key, parameter in parameters(cls).items() if parameter.annotation is bool]
        off = {**_small_settings(cls), **dict.fromkeys(switches, False)}
        found.append(Row(name, off, name))
        found += [Row(name, {**off, key: True}, f"{name}, {key}=true", plain=False) for key in switches]
    return tuple(found)


def adversarial(objective: str) -> bool:
    """Whether it trains a discriminator, or the generator that plays against one."""
    cls: type[Objective] = registry().resolve("objective", objective).entry.load()
    return any({"decoder", "discriminator"} & set(player["trains"]) for player in cls.default_players.values())


def plays(objective: str) -> bool:
    """Whether it is a game of its own: it trains the discriminator as well as the generator."""
    cls: type[Objective] = registry().resolve("objective", objective).entry.load()
    trained = {part for player in cls.default_players.values() for part in player["trains"]}
    return {"decoder", "discriminator"} <= trained


def joint(objective: str) -> bool:
    """Whether its discriminator sees images with their codes."""
    cls: type[Objective] = registry().resolve("objective", objective).entry.load()
    return any(need.inputs == ("x", "z") for need in cls.needs.values())


def own_width(prior: Row) -> int | None:
    """The width of the prior's codes, where it is no setting."""
    if "latent_dim" in parameters(registry().resolve("prior", prior.name).entry.load()):
        return None
    part = _built("prior", prior.name, prior.params)
    assert isinstance(part, Prior)
    return part.latent_dim


def pairs(encoder: Row) -> list[tuple[Row, Row]]:
    """``encoder`` with each decoder: with all their rows where it is plain, else with the plain ones."""
    return [(encoder, decoder) for decoder in every_row("decoder") if encoder.plain or decoder.plain]


def _small_settings(cls: type[Any]) -> dict[str, Any]:
    return {key: value for key in SMALL if (value := _small(cls, key)) is not None}


def _small(cls: type[Any], key: str) -> Any:
    for value in SMALL[key]:
        try:
            check(cls, {key: value}, "")
        except (SettingError, UnknownName):
            continue
        return value
    return None


def _choices(parameter: Parameter) -> tuple[Any, ...]:
    if parameter.annotation is bool:
        return (False, True)
    return get_args(parameter.annotation) if get_origin(parameter.annotation) is Literal else ()


def _built(kind: str, name: str, params: dict[str, Any]) -> Part:
    takes_width = "latent_dim" in parameters(registry().resolve(kind, name).entry.load())
    spec = {"name": name, **({"latent_dim": LATENT_DIM} if takes_width else {}), **params}
    return build_part(kind, spec, image_shape=IMAGE_SHAPE, labels=LABELS).eval()


def _offer(part: Part) -> tuple[frozenset[str], type[Any]]:
    """What compatibility sees of a part, and what kind of distribution it gives."""
    if isinstance(part, Prior):
        return part.capabilities, type(part)
    y = torch.zeros(1, dtype=torch.int64) if "labels" in part.capabilities else None
    with torch.no_grad():
        if isinstance(part, Encoder):
            return part.capabilities, type(part.posterior(torch.zeros(1, *IMAGE_SHAPE), y))
        assert isinstance(part, Decoder)
        return part.capabilities, type(part.likelihood(torch.zeros(1, LATENT_DIM), y))


def _shown(choice: Any) -> str:
    return str(choice).lower() if isinstance(choice, bool) else str(choice)
