"""The feature extractor that a metric looks through: any registered one, or a saved model's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, final, get_args

import torch
from torch import Tensor

from zoo_basics.metrics.resizing import resize_rule
from zoo_core.errors import DataError, SettingError, UnknownName, WeightsError, did_you_mean, shown
from zoo_core.files import is_file
from zoo_core.interfaces import FeatureExtractor, ImageShape, Labels

if TYPE_CHECKING:
    from zoo_core.model import Model

KIND = "feature-extractor"

DEFAULT = "torchvision/inception_v3"
"""What Inception scores and Fréchet Inception distances are named after."""

SIDE = 299
"""What images are resized to for it, whatever their size: figures over images of other sizes are reported so."""

HEADS = ("logits", "score")
"""Layers that say what an image is, and not how it looks."""

Features: TypeAlias = str | dict[str, Any]
"""A feature extractor's name, a table with ``name`` and its parameters, or a saved model's folder or ``hf:org/name`` (in a
table, ``part`` chooses one of several extractors in it)."""


@final
@dataclass(frozen=True)
class ChosenExtractor:
    """One layer of a feature extractor, as vectors.

    Arguments:
        name: the component's name, without its plugin's.
        version: of the plugin that brings it.
        sha256: over the component, its settings, its weights and constants, as far as they are used.
        layer: which layer.
        resize: what it does to the image's size, in words.
        width: numbers per image.
        averaged: whether the layer is a map, of which the mean over space is taken.
        part: the extractor itself, in float32 on ``device``.
    """

    name: str
    version: str
    sha256: str
    layer: str
    resize: str
    width: int
    averaged: bool
    part: FeatureExtractor
    device: torch.device

    def __call__(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1], anywhere, to float32 vectors (N, width) on the extractor's device.

        Raises:
            DataError: some are not finite.
        """
        with torch.no_grad():
            activation = self.part.features(x.to(self.device, torch.float32))[self.layer]
        vectors = activation.mean((2, 3)) if self.averaged else activation
        if not torch.isfinite(vectors).all():
            raise DataError(f"{shown(self.name)}: features that are not finite in layer {shown(self.layer)}",
                            hint="choose another layer: --set metric.layer=LAYER")
        return vectors

    @property
    def protocol(self) -> dict[str, Any]:
        """What a figure over these features rests on."""
        return {
            "extractor": self.name,
            "extractor_sha256": self.sha256[:16],
            "layer": f"{self.layer} (mean over space)" if self.averaged else self.layer,
            "resize": self.resize,
        }


def choose_extractor(
    features: Features, layer: str | None, model: Model, wanted: Literal["features", "logits"]
) -> ChosenExtractor:
    """The extractor that ``features`` names, built for the model's images and put where the model is; see
    :func:`extractor_for`.

    The model's own parts are never taken by themselves: a classifier that a model was trained with would flatter it.
    """
    return extractor_for(features, layer, wanted, image_shape=model.image_shape, labels=model.labels, device=model.device)


def extractor_for(
    features: Features,
    layer: str | None,
    wanted: Literal["features", "logits"],
    *,
    image_shape: ImageShape,
    labels: Labels | None = None,
    device: torch.device | str = "cpu",
) -> ChosenExtractor:
    """The extractor that ``features`` names, for images of ``image_shape``.

    Arguments:
        layer: which layer; None takes ``logits`` where they are wanted, else the pooled layer ``last`` of a family that
            has one, else the last of the extractor's usual layers before its logits or score.
        labels: for a component that is built by them; a saved model has its own.

    Raises:
        UnknownName: there is no such extractor and no such saved model.
        SettingError: it has no such layer or parameter, or the saved model has no one extractor.
        WeightsError: its weights cannot be had here.
    """
    params = dict(features) if isinstance(features, Mapping) else {"name": features}
    name = str(params.pop("name", DEFAULT))
    if name == DEFAULT:
        params.setdefault("size", SIDE)
    find = _saved if _is_saved(name) else _registered
    found = find(name, params, layer, wanted, image_shape, labels or Labels())
    part, device = found.part, torch.device(device)
    chosen = _chosen_layer(part, None if found.asked else layer, wanted, name)
    part.requires_grad_(False).eval().to(device, torch.float32)
    shape = part.shapes[chosen]
    if len(shape) not in (1, 3):
        raise SettingError(f"{shown(name)}: layer {shown(chosen)} should be a map or a vector, has shape {shape}")
    return ChosenExtractor(
        name=found.name.rpartition(":")[2],
        version=found.version,
        sha256=_digest(found),
        layer=chosen,
        resize=resize_rule(part, image_shape, device),
        width=shape[0],
        averaged=len(shape) == 3,
        part=part,
        device=device,
    )


@dataclass(frozen=True)
class _Found:
    """An extractor that was built: its qualified name, its plugin's version, its settings, the layers that it was asked for."""

    name: str
    version: str
    settings: Mapping[str, Any]
    asked: list[str] | None
    part: FeatureExtractor


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


def _registered(
    name: str, params: dict[str, Any], layer: str | None, wanted: str, image_shape: ImageShape, labels: Labels
) -> _Found:
    try:
        return _built(name, params, layer, wanted, image_shape, labels)
    except WeightsError as error:
        if name != DEFAULT:
            raise
        raise WeightsError(
            error.what, hint="choose another extractor: --set metric.features=digit-classifier, or a saved model's folder"
        ) from None


def _saved(
    reference: str, params: dict[str, Any], layer: str | None, wanted: str, image_shape: ImageShape, labels: Labels
) -> _Found:
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
    own = Labels(config["labels"]["type"], tuple(config["labels"].get("names", ())))
    found = _built(entry["name"], {**saved, **params}, layer, wanted, image_shape, own)
    if "weights" not in entry:
        load_part(found.part, folder, slot)
    return found


def _built(
    name: str, params: Mapping[str, Any], layer: str | None, wanted: str, image_shape: ImageShape, labels: Labels
) -> _Found:
    from zoo_core.building import build_part
    from zoo_core.registry import registry

    resolved = registry().resolve(KIND, name)
    cls = resolved.entry.load()
    asked = _asked_layers(cls, params, layer, wanted)
    given = {**params, **({} if asked is None else {"layers": asked})}
    part = cast(FeatureExtractor, build_part(KIND, {"name": name, **given}, image_shape=image_shape, labels=labels))
    qualified = resolved.entry.qualified + (resolved.architecture or "")
    return _Found(qualified, resolved.entry.version, _settings(cls, given), asked, part)


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


def _asked_layers(cls: type[Any], given: Mapping[str, Any], layer: str | None, wanted: str) -> list[str] | None:
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


def _chosen_layer(part: FeatureExtractor, layer: str | None, wanted: str, name: str) -> str:
    usual = [one for one in part.layers if one not in HEADS]
    choice = layer or ("logits" if wanted == "logits" and "logits" in part.layers else "")
    if not choice and wanted == "features" and usual:
        choice = usual[-1]
    if not choice and len(part.layers) == 1:
        choice = part.layers[0]
    if choice not in part.layers:
        raise SettingError(
            f"{shown(name)} gives no layer {shown(choice or wanted)!r}",
            hint=did_you_mean(choice, part.layers) or f"its layers are {shown(', '.join(part.layers), 300)}",
        )
    return choice


def _settings(cls: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """All of the component's settings but those that its weights and layer already tell."""
    from zoo_core.parameters import parameters

    defaults = {name: p.default for name, p in parameters(cls).items() if not p.required}
    return {key: value for key, value in {**defaults, **given}.items() if key not in ("layers", "weights")}


def _digest(found: _Found) -> str:
    """sha256 of what decides the features."""
    part = found.part
    digest = hashlib.sha256(json.dumps([found.name, part.format, found.settings], sort_keys=True, default=str).encode())
    # Constants such as a mean to subtract are no weights, and decide as much.
    for key, tensor in sorted([*part.named_parameters(), *part.named_buffers()]):
        digest.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
