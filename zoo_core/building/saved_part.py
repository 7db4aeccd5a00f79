"""Parts of saved models, for another model or for a metric to use: which one is meant, as it was saved, and its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from zoo_core.building.migration import migrated, names_today
from zoo_core.errors import SettingError, shown
from zoo_core.hub.announce import announce_external
from zoo_core.hub.external import External, externals
from zoo_core.interfaces import FeatureExtractor, Labels, Vocabulary
from zoo_core.interfaces.vocabulary import NO_TOKENS
from zoo_core.registry.components import registry
from zoo_core.registry.parameter import parameters
from zoo_core.storage.config import read_config
from zoo_core.tensors.assign import restore_weights
from zoo_core.tensors.reader import open_weights


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


def load_part(part: nn.Module, folder: Path, name: str) -> None:
    """Weights of the part ``name`` of the model saved in ``folder`` into ``part``.

    A feature extractor drops the modules after its last asked layer, and may so need fewer weights than were saved.

    Raises:
        WeightsError: with the whole difference.
    """
    prefix = f"parts.{name}."
    saved = open_weights(folder).with_names(names_today(read_config(folder)))
    whole = saved.read(mapped=True)
    whole |= {alias: whole[kept] for alias, kept in saved.ties.items() if kept in whole}
    tensors = {key.removeprefix(prefix): t for key, t in whole.items() if key.startswith(prefix)}
    expected = set(part.state_dict())
    if isinstance(part, FeatureExtractor):
        tensors = {key: tensor for key, tensor in tensors.items() if key in expected}
    restore_weights(part, tensors, expected, saved.where)


def _slot(config: Mapping[str, Any], kind: str, part: str | None, usual: str, reference: str) -> str:
    fitting = [slot for slot, entry in config["parts"].items() if entry["kind"] == kind]
    for choice in (part,) if part is not None else (usual, *fitting[: len(fitting) == 1]):
        if choice in fitting:
            return str(choice)
    what = kind.replace("-", " ")
    has = f"several {what}s: {', '.join(fitting)}" if fitting else f"no {what}"
    hint = (
        f'choose one: {{"name": "{shown(reference)}", "part": "{shown(fitting[0])}"}}'
        if fitting
        else _instead(config, kind)
    )
    if part is not None and fitting:
        has = f"no {what} {shown(part)!r}; it has {', '.join(fitting)}"
    raise SettingError(f"the model in {shown(reference)} has {shown(has, 300)}", hint=hint)


def _instead(config: Mapping[str, Any], kind: str) -> str:
    parts = f"its parts are {', '.join(config['parts'])}"
    return f"{parts}; train one: zoo train classifier" if kind == "feature-extractor" else parts
