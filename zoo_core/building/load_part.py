"""Parts of saved models by themselves, built with their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo_core.building.builder import build_part
from zoo_core.building.saved_part import SavedPart, load_part, saved_part
from zoo_core.hub.external import only
from zoo_core.hub.reference import locate
from zoo_core.interfaces import ImageShape, Part, Vocabulary
from zoo_core.storage.config import read_config


def build_saved(saved: SavedPart, image_shape: ImageShape, vocabulary: Vocabulary | None = None, **params: Any) -> Part:
    """The part that was ``saved``, built for images of ``image_shape`` with its weights.

    Arguments:
        vocabulary: of the tokens that it is for, where it is not for images.
        params: parameters other than those that it was saved with.

    Raises:
        SettingError: parameters that it does not take.
        WeightsError: its weights do not fit, or cannot be had here.
    """
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
    folder = locate(str(reference)).folder
    saved = saved_part(folder, kind, part=part, reference=str(reference))
    channels, height, width = read_config(folder)["image_shape"]
    return build_saved(saved, image_shape or (channels, height, width), saved.vocabulary, **params)
