"""What a card is made of: facts from a config, a run and figures, looked up in the catalogue and the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.evaluation.public_names import data_name
from zoo_core.interfaces.metric import MetricResult
from zoo_core.publishing.public_data import PublicData, public_data
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry
from zoo_core.registry.names import Entry, is_name
from zoo_core.registry.recipes import Recipe
from zoo_core.storage.config import entries, is_entry, sampler_entry


@dataclass(frozen=True)
class Used:
    """A component that the model uses.

    Arguments:
        slot: the part or objective that it fills; ``SLOT.SETTING`` for what is inside one.
        kind, name, version: as the config has them; ``name`` is ``plugin:name``.
        config: its entry in the config.
        entry: what is registered under the name here, if its plugin is installed.
    """

    slot: str
    kind: str
    name: str
    version: str
    config: Mapping[str, Any]
    entry: Entry | None

    @property
    def plugin(self) -> str:
        """The plugin that brings it, or empty where the name does not say."""
        plugin = self.name.partition(":")[0] if ":" in self.name else self.entry.plugin if self.entry else ""
        return plugin if is_name(plugin) and len(plugin) <= 100 else ""

    @property
    def settings(self) -> dict[str, Any]:
        """Its own parameters, without the components inside it."""
        return {key: value for key, value in self.config["params"].items() if not is_entry(value)}

    @property
    def short(self) -> str:
        """Its name without the plugin's."""
        return self.name.rpartition(":")[2]


@dataclass(frozen=True)
class Facts:
    """Everything that a card may say; see :func:`zoo_core.publishing.card.model_card` for the arguments."""

    config: Mapping[str, Any]
    repo: str
    licence: str
    run: Mapping[str, Any] | None
    figures: Sequence[MetricResult]
    pictures: Sequence[str]
    parameters: int
    size_bytes: int
    dtypes: Sequence[str]

    @cached_property
    def recipe(self) -> Recipe | None:
        """The recipe, where the catalogue here has one of the config's name."""
        return catalogue().recipes.get(str(self.config["recipe"]))

    @cached_property
    def parts(self) -> list[Used]:
        """The parts, in the config's order, without what is inside them."""
        return [_used(slot, str(part["kind"]), part) for slot, part in self.config["parts"].items()]

    @cached_property
    def objectives(self) -> list[Used]:
        """The objectives, in the config's order."""
        return [_used(slot, "objective", objective) for slot, objective in self.config["objectives"].items()]

    @cached_property
    def components(self) -> list[Used]:
        """Everything that it is made of: parts, objectives, what is inside them, the sampler."""
        found = [_used(place, str(entry.get("kind", "objective")), entry) for place, entry in entries(self.config)]
        return [*found, *filter(None, [self.sampler])]

    @cached_property
    def sampler(self) -> Used | None:
        """The sampler that is used where none is named."""
        entry = sampler_entry(self.config)
        return None if entry is None else _used("sampler", "sampler", entry)

    @cached_property
    def data(self) -> str:
        """What it was trained on, as :func:`data_name` calls it; empty where no run says so."""
        return data_name(self.run["data"]) if self.run is not None and self.run.get("data") is not None else ""

    @property
    def public(self) -> PublicData | None:
        """What is known of the data."""
        return public_data(self.data)

    @property
    def of_tokens(self) -> bool:
        """Whether it is a model of tokens, and not of images."""
        return bool(self.config.get("modality", "image") == "tokens")

    @property
    def samples(self) -> bool:
        """Whether it makes pictures out of nothing: it has a sampler, a decoder and a prior."""
        return self.sampler is not None and {"decoder", "prior"} <= {part.kind for part in self.parts}

    @property
    def classifies(self) -> bool:
        """Whether it is a feature extractor by itself."""
        return {part.kind for part in self.parts} == {"feature-extractor"}

    @property
    def family(self) -> str:
        """What sort of model it is, as a tag."""
        kinds = {part.kind for part in self.parts}
        if self.of_tokens:
            return "sequence-model"
        if self.classifies:
            return "image-classifier"
        if {"encoder", "decoder"} <= kinds:
            elbo = any(objective.short == "elbo" for objective in self.objectives)
            return "variational-autoencoder" if elbo else "autoencoder"
        return "generative-model"

    @cached_property
    def papers(self) -> list[str]:
        """What the catalogue and the registry say of papers: the recipe's first, then those of its components and data."""
        found = [used.entry for used in self.components]
        said = [self.recipe.paper] if self.recipe is not None else []
        said += [entry.paper for entry in (*found, _entry("dataset", self.data)) if entry is not None]
        return [paper for paper in said if paper]

    @property
    def plugins(self) -> dict[str, str]:
        """The plugins that it needs, each with the version that it was saved with (empty where the config does not say)."""
        found: dict[str, str] = {}
        for used in self.components:
            if used.plugin:
                found[used.plugin] = found.get(used.plugin) or used.version
        return found


def _used(slot: str, kind: str, config: Mapping[str, Any]) -> Used:
    name = str(config["name"])
    return Used(slot, kind, name, str(config["version"]), config, _entry(kind, name))


def _entry(kind: str, name: str) -> Entry | None:
    try:
        return registry().resolve(kind, name).entry
    except ZooError:
        return None
