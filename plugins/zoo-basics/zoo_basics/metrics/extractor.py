"""One layer of a feature extractor, chosen for a metric to look through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, final

import torch
from torch import Tensor

from zoo_basics.metrics.resizing import resize_rule
from zoo_core.building import Wanted, check_inputs, find_extractor
from zoo_core.errors import DataError, SettingError, WeightsError, did_you_mean, shown
from zoo_core.interfaces import FeatureExtractor, ImageShape, Labels, Need

if TYPE_CHECKING:
    from zoo_core.model import Model

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
            raise DataError(
                f"{shown(self.name)}: features that are not finite in layer {shown(self.layer)}",
                hint="choose another layer: --set metric.layer=LAYER",
            )
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


def choose_extractor(features: Features, layer: str | None, model: Model, wanted: Wanted) -> ChosenExtractor:
    """The extractor that ``features`` names, built for the model's images and put where the model is; see
    :func:`extractor_for`.

    The model's own parts are never taken by themselves: a classifier that a model was trained with would flatter it.
    """
    return extractor_for(
        features, layer, wanted, image_shape=model.image_shape, labels=model.labels, device=model.device
    )


def extractor_for(
    features: Features,
    layer: str | None,
    wanted: Wanted,
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
    params: dict[str, Any] = dict(features) if isinstance(features, Mapping) else {"name": features}
    name = str(params.pop("name", DEFAULT))
    if name == DEFAULT:
        params.setdefault("size", SIDE)
    try:
        found = find_extractor(
            {"name": name, **params}, image_shape=image_shape, labels=labels, layer=layer, wanted=wanted
        )
    except WeightsError as error:
        if name != DEFAULT:
            raise
        raise WeightsError(
            error.what,
            hint="choose another extractor: --set metric.features=digit-classifier, or a saved model's folder",
        ) from None
    part, device = found.part, torch.device(device)
    check_inputs("a metric", part, shown(name), Need("feature-extractor"), "metric.features")
    chosen = _chosen_layer(part, None if found.asked else layer, wanted, name)
    part.to(device, torch.float32)
    shape = part.shapes[chosen]
    if len(shape) not in (1, 3):
        raise SettingError(f"{shown(name)}: layer {shown(chosen)} should be a map or a vector, has shape {shape}")
    return ChosenExtractor(
        name=found.name.rpartition(":")[2],
        version=found.version,
        sha256=found.sha256,
        layer=chosen,
        resize=resize_rule(part, image_shape, device),
        width=shape[0],
        averaged=len(shape) == 3,
        part=part,
        device=device,
    )


def _chosen_layer(part: FeatureExtractor, layer: str | None, wanted: Wanted, name: str) -> str:
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
