"""Feature extractors for those who look at images from outside a model, such as metrics: any registered one, or a saved model's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, final, get_args

import torch
from torch import Tensor

from zoo_core.building.load_part import build_saved
from zoo_core.building.saved_part import saved_part
from zoo_core.data.labels import logit_places, told_apart
from zoo_core.errors import IncompatibleError, SettingError, UnknownName, shown
from zoo_core.interfaces import FeatureExtractor, ImageShape, Labels
from zoo_core.storage.files import is_file
from zoo_core.tensors.digest import tensor_digest

if TYPE_CHECKING:
    from zoo_core.model import Model

KIND = "feature-extractor"

Wanted: TypeAlias = Literal["features", "logits"]
"""What is looked at where no layer is named: how an image looks, or what it is."""


@final
@dataclass(frozen=True)
class FoundExtractor:
    """An extractor that was built.

    Arguments:
        name: its component's, with the plugin's and the architecture's.
        version: of the plugin that brings it.
        settings: all of its component's, but those that its weights and layer already tell.
        asked: the layers that it was built for, None where that was left to its component or to the caller's settings.
        part: the extractor itself, frozen and in eval mode.
        labels: those that it was trained with, where it is a saved model's or knows them itself.
    """

    name: str
    version: str
    settings: Mapping[str, Any]
    asked: list[str] | None
    part: FeatureExtractor
    labels: Labels = field(default=Labels())

    @property
    def sha256(self) -> str:
        """Over what decides the features, as the extractor stands now."""
        part = self.part
        about = json.dumps([self.name, part.format, self.settings], sort_keys=True, default=str)
        # Constants such as a mean to subtract are no weights, and decide as much.
        return tensor_digest(dict([*part.named_parameters(), *part.named_buffers()]), about)


@final
@dataclass(frozen=True)
class Judge:
    """A classifier that is asked what images show, in a model's labels.

    Arguments:
        extractor: what it was built from.
        places: of each of the model's labels, the number of the logit that stands for it.
        device: where it is.
    """

    extractor: FoundExtractor
    places: tuple[int, ...]
    device: torch.device

    def logits(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1], anywhere, to raw logits (N, K), in the order of the model's labels, in float32."""
        with torch.no_grad():
            logits = self.extractor.part.features(x.to(self.device, torch.float32))["logits"]
        return logits[:, list(self.places)]


def find_extractor(
    spec: str | Mapping[str, Any],
    *,
    image_shape: ImageShape,
    labels: Labels | None = None,
    layer: str | None = None,
    wanted: Wanted | None = "features",
) -> FoundExtractor:
    """The extractor that ``spec`` names, built for images of ``image_shape``, frozen and in eval mode.

    Arguments:
        spec: a component's name, a saved model's folder or ``hf:org/name``, or a table with ``name`` and parameters: of the
            component; for a saved model, besides those that it was saved with, and ``part`` chooses one of several extractors in it.
        labels: for a component that is built by them; a saved model has its own.
        layer: the one to build it for, where it can be chosen; None is the usual one for what is ``wanted``.
        wanted: None leaves the layers to the component.

    Raises:
        UnknownName: there is no such extractor and no such saved model.
        SettingError: it has no such parameter, or the saved model has no one extractor.
        WeightsError: its weights cannot be had here.
    """
    params = dict(spec) if isinstance(spec, Mapping) else {"name": spec}
    name = str(params.pop("name", ""))
    if _is_saved(name):
        found = _saved(name, params, layer, wanted, image_shape)
    else:
        found = _built(name, params, layer, wanted, image_shape, labels or Labels())
    found.part.requires_grad_(False).eval()
    return found


def find_judge(spec: str | Mapping[str, Any], model: Model) -> Judge:
    """A classifier that says what pictures of ``model`` show, in the model's labels and on its device.

    Labels are matched by name, in whatever order the classifier was trained with them, and it may know more attributes than the model;
    by position where it does not know what it was trained with, or one side has numbers for names.

    Arguments:
        spec: as :func:`find_extractor` takes it: as a rule the folder of a ``classifier``, trained on the same data.

    Raises:
        UnknownName, SettingError, WeightsError: as :func:`find_extractor`; or it gives no logits.
        IncompatibleError: the model has no labels, or others.
    """
    if not model.labels.count:
        raise IncompatibleError(
            f"this {model.recipe} knows no labels to judge by", hint="train it on data with classes or attributes"
        )
    found = find_extractor(spec, image_shape=model.image_shape, labels=model.labels, wanted="logits")
    who = found.name.rpartition(":")[2]
    if "logits" not in found.part.layers:
        raise SettingError(f"{shown(who)} gives no logits", hint="choose a classifier")
    found.part.to(model.device, torch.float32)
    own = told_apart(found.part, found.labels)
    where = logit_places(own, int(found.part.shapes["logits"][0]), model.labels, who)
    return Judge(found, where, model.device)


def _is_saved(name: str) -> bool:
    """Whether ``name`` is a saved model; a component of that name comes first, as it does in ``zoo.build``."""
    from zoo_core.building.plan import is_path
    from zoo_core.registry.components import registry

    if name.startswith("hf:") or is_path(name):
        return True
    try:
        registry().resolve(KIND, name)
    except UnknownName:
        return is_file(Path(name) / "config.json")
    return False


def _saved(
    reference: str, params: dict[str, Any], layer: str | None, wanted: Wanted | None, image_shape: ImageShape
) -> FoundExtractor:
    from zoo_core.hub.reference import locate
    from zoo_core.registry.components import registry

    part = params.pop("part", None)
    saved = saved_part(locate(reference).folder, KIND, part=part, usual="classifier", reference=reference)
    resolved = registry().resolve(KIND, saved.name)
    asked = _asked_layers(resolved.entry.load(), {**saved.params, **params}, layer, wanted)
    given = {**params, **({} if asked is None else {"layers": asked})}
    built = cast(FeatureExtractor, build_saved(saved, image_shape, **given))
    settings = _settings(resolved.entry.load(), {**saved.params, **given})
    name = resolved.entry.qualified + (resolved.architecture or "")
    return FoundExtractor(name, resolved.entry.version, settings, asked, built, saved.labels)


def _built(
    name: str,
    params: Mapping[str, Any],
    layer: str | None,
    wanted: Wanted | None,
    image_shape: ImageShape,
    labels: Labels,
) -> FoundExtractor:
    from zoo_core.building.builder import build_part
    from zoo_core.registry.components import registry

    resolved = registry().resolve(KIND, name)
    cls = resolved.entry.load()
    asked = _asked_layers(cls, params, layer, wanted)
    given = {**params, **({} if asked is None else {"layers": asked})}
    part = cast(FeatureExtractor, build_part(KIND, {"name": name, **given}, image_shape=image_shape, labels=labels))
    qualified = resolved.entry.qualified + (resolved.architecture or "")
    return FoundExtractor(qualified, resolved.entry.version, _settings(cls, given), asked, part, part.labels)


def _asked_layers(
    cls: type[Any], given: Mapping[str, Any], layer: str | None, wanted: Wanted | None
) -> list[str] | None:
    """What to build it with as ``layers``; None leaves that to the component."""
    from zoo_core.registry.parameter import parameters

    known = parameters(cls)
    if "layers" not in known or "layers" in given:
        return None
    if layer is not None:
        return [layer]
    if wanted == "logits":
        return ["logits"]
    annotation = known["layers"].annotation
    families = wanted == "features" and any("last" in get_args(one) for one in (annotation, *get_args(annotation)))
    return ["last"] if families else None


def _settings(cls: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """All of the component's settings but those that its weights and layer already tell."""
    from zoo_core.registry.parameter import parameters

    defaults = {name: p.default for name, p in parameters(cls).items() if not p.required}
    return {key: value for key, value in {**defaults, **given}.items() if key not in ("layers", "weights")}
