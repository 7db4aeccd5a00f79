"""A feature extractor by name, built: any registered one, or a saved model's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, final, get_args

from zoo_basics.metrics.tensor_digest import tensor_digest
from zoo_core.errors import SettingError, UnknownName, shown
from zoo_core.files import is_file
from zoo_core.interfaces import FeatureExtractor, ImageShape, Labels

KIND = "feature-extractor"

Wanted: TypeAlias = Literal["features", "logits"]
"""What a metric looks at where it is given no layer: how an image looks, or what it is."""


@final
@dataclass(frozen=True)
class FoundExtractor:
    """An extractor that was built.

    Arguments:
        name: its component's, with the plugin's and the architecture's.
        version: of the plugin that brings it.
        settings: all of its component's, but those that its weights and layer already tell.
        asked: the layers that it was built for, None where that was left to its component or to the caller's settings.
        part: the extractor itself.
    """

    name: str
    version: str
    settings: Mapping[str, Any]
    asked: list[str] | None
    part: FeatureExtractor

    @property
    def sha256(self) -> str:
        """Over what decides the features, as the extractor stands now."""
        part = self.part
        about = json.dumps([self.name, part.format, self.settings], sort_keys=True, default=str)
        # Constants such as a mean to subtract are no weights, and decide as much.
        return tensor_digest(dict([*part.named_parameters(), *part.named_buffers()]), about)


def find_extractor(
    name: str, params: dict[str, Any], layer: str | None, wanted: Wanted, image_shape: ImageShape, labels: Labels
) -> FoundExtractor:
    """The extractor ``name``, built for images of ``image_shape``.

    Arguments:
        name: a component's, or a saved model's folder or ``hf:org/name``.
        params: of the component; for a saved model, besides those that it was saved with, and ``part`` chooses one of
            several extractors in it.
        layer: the one to build it for, where it can be chosen; None is the usual one for what is ``wanted``.
        labels: for a component that is built by them; a saved model has its own.

    Raises:
        UnknownName: there is no such extractor and no such saved model.
        SettingError: it has no such parameter, or the saved model has no one extractor.
        WeightsError: its weights cannot be had here.
    """
    find = _saved if _is_saved(name) else _built
    return find(name, params, layer, wanted, image_shape, labels)


def _is_saved(name: str) -> bool:
    """Whether ``name`` is a saved model; a component of that name comes first, as it does in ``zoo.build``."""
    from zoo_core.plan import is_path
    from zoo_core.registry import registry

    if name.startswith("hf:") or is_path(name):
        return True
    try:
        registry().resolve(KIND, name)
    except UnknownName:
        return is_file(Path(name) / "config.json")
    return False


def _saved(
    reference: str, params: dict[str, Any], layer: str | None, wanted: Wanted, image_shape: ImageShape, labels: Labels
) -> FoundExtractor:
    from zoo_core.config import read_config
    from zoo_core.hub.located import locate
    from zoo_core.migration import migrated
    from zoo_core.parameters import parameters
    from zoo_core.registry import registry
    from zoo_core.saving import load_part

    folder = locate(reference).folder
    config = read_config(folder)
    slot = _slot(config, params.pop("part", None), reference)
    entry = config["parts"][slot]
    # What is looked at is the metric's business: a classifier was trained through its logits alone.
    saved = {key: value for key, value in migrated(entry, KIND, slot).items() if key != "layers"}
    if "weights" in parameters(registry().resolve(KIND, entry["name"]).entry.load()):
        saved["weights"] = entry.get("weights")
    own = Labels.of(config)
    found = _built(entry["name"], {**saved, **params}, layer, wanted, image_shape, own)
    if "weights" not in entry:
        load_part(found.part, folder, slot)
    return found


def _built(
    name: str, params: Mapping[str, Any], layer: str | None, wanted: Wanted, image_shape: ImageShape, labels: Labels
) -> FoundExtractor:
    from zoo_core.building import build_part
    from zoo_core.registry import registry

    resolved = registry().resolve(KIND, name)
    cls = resolved.entry.load()
    asked = _asked_layers(cls, params, layer, wanted)
    given = {**params, **({} if asked is None else {"layers": asked})}
    part = cast(FeatureExtractor, build_part(KIND, {"name": name, **given}, image_shape=image_shape, labels=labels))
    qualified = resolved.entry.qualified + (resolved.architecture or "")
    return FoundExtractor(qualified, resolved.entry.version, _settings(cls, given), asked, part)


def _slot(config: Mapping[str, Any], part: object, reference: str) -> str:
    """Which part of a saved model is its extractor."""
    fitting = [slot for slot, entry in config["parts"].items() if entry["kind"] == KIND]
    for choice in (part,) if part is not None else ("classifier", *fitting[: len(fitting) == 1]):
        if choice in fitting:
            return str(choice)
    what = f"several feature extractors: {', '.join(fitting)}" if fitting else "no feature extractor"
    hint = f'choose one: {{"name": "{shown(reference)}", "part": "{shown(fitting[0])}"}}' if fitting else "train one: zoo train classifier"
    if part is not None and fitting:
        what = f"no feature extractor {shown(part)!r}; it has {', '.join(fitting)}"
    raise SettingError(f"the model in {shown(reference)} has {shown(what, 300)}", hint=hint)


def _asked_layers(cls: type[Any], given: Mapping[str, Any], layer: str | None, wanted: Wanted) -> list[str] | None:
    """What to build it with as ``layers``; None leaves that to the component."""
    from zoo_core.parameters import parameters

    known = parameters(cls)
    if "layers" not in known or "layers" in given:
        return None
    if layer is not None:
        return [layer]
    if wanted == "logits":
        return ["logits"]
    annotation = known["layers"].annotation
    return ["last"] if any("last" in get_args(one) for one in (annotation, *get_args(annotation))) else None


def _settings(cls: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """All of the component's settings but those that its weights and layer already tell."""
    from zoo_core.parameters import parameters

    defaults = {name: p.default for name, p in parameters(cls).items() if not p.required}
    return {key: value for key, value in {**defaults, **given}.items() if key not in ("layers", "weights")}
