"""Parts of saved models, for another model or for a metric to use: which one is meant, as it was saved, and built with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.building.migration import migrated
from zoo_core.errors import SettingError, shown
from zoo_core.hub.external import External, announce_external, externals, only
from zoo_core.interfaces import ImageShape, Labels, Part, Vocabulary
from zoo_core.interfaces.vocabulary import NO_TOKENS
from zoo_core.registry.components import registry
from zoo_core.registry.parameters import parameters
from zoo_core.storage.config import read_config


@dataclass(frozen=True)
class SavedPart:
    """A part as it was saved.

    Arguments:
        folder: of the saved model.
        slot: which part of it.
        kind, name: the component, ``plugin:name``.
        params: its parameters, as the installed component takes them.
        referenced: whether it brings published weights itself; they are not in the folder then.
        labels, vocabulary: those that the saved model knows.
        listed: the file of a second repository that it takes its weights from, where there is one.
    """

    folder: Path
    slot: str
    kind: str
    name: str
    params: Mapping[str, Any]
    referenced: bool
    labels: Labels
    listed: tuple[External, ...] = ()
    vocabulary: Vocabulary = NO_TOKENS


def saved_part(folder: Path, kind: str, *, part: str | None = None, usual: str = "", reference: str = "") -> SavedPart:
    """The part of ``kind`` of the model saved in ``folder``.

    Of a feature extractor the layers that were asked for are left out: what is looked at is its user's business (a classifier was
    trained through its logits alone).

    Arguments:
        part: which one; None takes ``usual`` where there is one of that name, else the only one of its kind.
        reference: what messages call the model; empty is the folder.

    Raises:
        ConfigError: there is no saved model, or it was saved by a newer version.
        SettingError: it has no such part, or several and none is chosen.
    """
    reference = reference or str(folder)
    config = read_config(folder)
    slot = _slot(config, kind, part, usual, reference)
    entry = config["parts"][slot]
    params = migrated(entry, kind, slot)
    if kind == "feature-extractor":
        params.pop("layers", None)
    resolved = registry().resolve_saved(kind, entry["name"])
    # A net with a reference to published weights is not in the file: it brings them itself.
    referenced = "weights" in entry
    if referenced or "weights" in parameters(resolved.entry.load()):
        params["weights"] = entry.get("weights")
    alone = {"parts": {slot: entry}}
    announce_external(alone, reference, allowed=True)
    known = Labels.of(config), tuple(externals(alone)), Vocabulary.of(config)
    return SavedPart(folder, slot, kind, resolved.qualified, params, referenced, *known)


def build_saved(saved: SavedPart, image_shape: ImageShape, vocabulary: Vocabulary | None = None, **params: Any) -> Part:
    """The part that was ``saved``, built for images of ``image_shape`` with its weights.

    Arguments:
        vocabulary: of the tokens that it is for, where it is not for images.
        params: parameters other than those that it was saved with.

    Raises:
        SettingError: parameters that it does not take.
        WeightsError: its weights do not fit, or cannot be had here.
    """
    from zoo_core.building.builder import build_part
    from zoo_core.saving import load_part

    spec = {"name": saved.name, **saved.params, **params}
    with only(saved.listed):  # the config may be a stranger's
        built = build_part(saved.kind, spec, image_shape=image_shape, labels=saved.labels, vocabulary=vocabulary)
    if not saved.referenced:
        load_part(built, saved.folder, saved.slot)
    return built


def load_saved_part(
    reference: str | Path, kind: str, *, image_shape: ImageShape | None = None, part: str | None = None, **params: Any
) -> Part:
    """A part of a saved model, with its weights.

    >>> critic = load_saved_part("runs/dfm", "feature-extractor", part="discriminator")

    Arguments:
        reference: the model's folder, ``hf:org/name``, or a name of ``zoo list``.
        kind: ``encoder``, ``decoder``, ``feature-extractor``, ``prior`` or ``network``.
        image_shape: of the images that it is used on; None is what the model was trained on.
        part: which one, where there are several of that kind.
        params: parameters other than those that it was saved with.

    Raises:
        UnknownName, ConfigError: there is no such model.
        SettingError: it has no such part, or the part takes no such parameters.
        WeightsError: its weights cannot be had here.
    """
    from zoo_core.hub.reference import locate

    folder = locate(str(reference)).folder
    saved = saved_part(folder, kind, part=part, reference=str(reference))
    channels, height, width = read_config(folder)["image_shape"]
    return build_saved(saved, image_shape or (channels, height, width), saved.vocabulary, **params)


def _slot(config: Mapping[str, Any], kind: str, part: str | None, usual: str, reference: str) -> str:
    fitting = [slot for slot, entry in config["parts"].items() if entry["kind"] == kind]
    for choice in (part,) if part is not None else (usual, *fitting[: len(fitting) == 1]):
        if choice in fitting:
            return str(choice)
    what = kind.replace("-", " ")
    has = f"several {what}s: {', '.join(fitting)}" if fitting else f"no {what}"
    hint = f'choose one: {{"name": "{shown(reference)}", "part": "{shown(fitting[0])}"}}' if fitting else _instead(config, kind)
    if part is not None and fitting:
        has = f"no {what} {shown(part)!r}; it has {', '.join(fitting)}"
    raise SettingError(f"the model in {shown(reference)} has {shown(has, 300)}", hint=hint)


def _instead(config: Mapping[str, Any], kind: str) -> str:
    parts = f"its parts are {', '.join(config['parts'])}"
    return f"{parts}; train one: zoo train classifier" if kind == "feature-extractor" else parts
