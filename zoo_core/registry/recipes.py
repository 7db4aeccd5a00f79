"""Recipe: a named model, as a catalogue describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo_core.interfaces import Labels


@dataclass(frozen=True)
class Shared:
    """A parameter of a recipe that sets several of its parts' and objectives'.

    Arguments:
        default: its value where nobody sets it; None where it is a sum.
        sum_of: shared parameters whose sum it is where nobody sets it.
        follows: ``classes`` or ``labels`` where its value is the number of the data's classes, or of their classes or attributes, if they
            have any and nobody sets it.
        sets: ``PART.PARAMETER`` or ``objective.NAME.PARAMETER``; those that the component at hand does not have are passed over.
        help: what it is, one line.
    """

    default: Any
    sets: tuple[str, ...]
    help: str = ""
    sum_of: tuple[str, ...] = ()
    follows: str = ""

    def value(self, labels: Labels) -> Any:
        """Its value for data with ``labels`` where nobody sets it; None for a sum."""
        followed = labels.type != "none" if self.follows == "labels" else labels.type == self.follows
        return labels.count if followed else self.default


@dataclass(frozen=True)
class PartSpec:
    """What fills a part: a component of ``kind`` called ``name``; frozen unless ``trainable``."""

    kind: str
    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    trainable: bool = True


@dataclass(frozen=True)
class ObjectiveSpec:
    """The component behind an objective."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A named model.

    Arguments:
        image_shape: (C, H, W) where neither data nor a setting says otherwise.
        sampler: the sampler used where none is named; empty where there is none.
        sampler_params: its parameters, as far as the recipe sets them.
        training: defaults for the trainer, unchecked here.
        on: data set name (best qualified) to settings for it, with keys as ``--set`` takes them.
        source: ``zoo-core``, the plugin's name, or the path of the file that ``$ZOO_REGISTRY`` names.
    """

    name: str
    summary: str
    paper: str
    image_shape: tuple[int, int, int]
    sampler: str
    shared: Mapping[str, Shared]
    parts: Mapping[str, PartSpec]
    objectives: Mapping[str, ObjectiveSpec]
    training: Mapping[str, Any]
    on: Mapping[str, Mapping[str, Any]]
    source: str
    sampler_params: Mapping[str, Any] = field(default_factory=dict)

    def settings_on(self, data: str) -> Mapping[str, Any]:
        """The settings for the data set called ``data``: those under its qualified name, else those under its short one."""
        return self.on.get(data) or self.on.get(data.rpartition(":")[2], {})


@dataclass(frozen=True)
class PublishedWeights:
    """Weights of a recipe: in a repository on the Hub, at a ``revision`` (branch or tag), a ``commit`` (40 hex digits) or both; or
    in a folder that travels with the catalogue.

    Arguments:
        folder: that folder; None for those of the Hub.
        files: file name to sha256, held against the files before they are used.
    """

    name: str
    recipe: str
    repo: str
    revision: str
    commit: str
    licence: str
    summary: str
    source: str
    folder: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)
