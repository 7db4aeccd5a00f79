"""Shapes of an extractor's layers, without running it on data."""

from __future__ import annotations

import copy

import torch

from zoo_core.interfaces import FeatureExtractor, ImageShape


def shapes_of(extractor: FeatureExtractor, image_shape: ImageShape) -> dict[str, tuple[int, ...]]:
    """Layer to the shape of its activation for one image: a forward of a copy without values, on the meta device."""
    skeleton = copy.deepcopy(extractor).to("meta").eval()
    with torch.no_grad():
        activations = skeleton(torch.zeros(2, *image_shape, device="meta"))
    return {layer: tuple(a.shape[1:]) for layer, a in zip(extractor.layers, activations, strict=True)}
