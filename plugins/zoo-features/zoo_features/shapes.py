"""Shapes of an extractor's layers, without running it on data."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zoo_core.errors import SettingError, shown
from zoo_core.interfaces import FeatureExtractor, ImageShape


def shapes_of(extractor: FeatureExtractor, image_shape: ImageShape) -> dict[str, tuple[int, ...]]:
    """Layer to the shape of its activation for one image: a forward of a copy without values, on the meta device."""
    skeleton = copy.deepcopy(extractor).to("meta").eval()
    with torch.no_grad():
        activations = skeleton(torch.zeros(2, *image_shape, device="meta"))
    return {layer: tuple(a.shape[1:]) for layer, a in zip(extractor.layers, activations, strict=True)}


@contextmanager
def refusing(who: str, image_shape: ImageShape) -> Iterator[None]:
    """Around forwards of a net that takes images as they are: what is wrong with it there is the size of the images.

    Raises:
        SettingError: a forward failed.
    """
    try:
        yield
    except RuntimeError as error:
        channels, height, width = image_shape
        raise SettingError(f"{who} takes no images of {channels} × {height} × {width}: {shown(error)}") from error
