"""The convolutions of DCGAN: each halves the sides of a map and doubles its filters (Radford et al. 2016, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from zoo_basics.layers.activation import ActivationName, activation
from zoo_basics.layers.halving import halved_sizes
from zoo_basics.layers.normalisation import Normalisation, normalised_maps
from zoo_core.interfaces import ImageShape


def halved_shapes(image_shape: ImageShape, width: int) -> list[ImageShape]:
    """(C, H, W) after each convolution, ``width`` filters after the first.

    Raises:
        SettingError: the image cannot be halved once.
    """
    return [(width * 2**i, *size) for i, size in enumerate(halved_sizes(image_shape)[1:])]


def halving_convolutions(
    inputs: int, shapes: Sequence[ImageShape], name: ActivationName, normalisation: Normalisation
) -> list[nn.Module]:
    """4x4 convolutions of stride 2 to maps of ``shapes``, an activation after each, normalised before it but the first.

    Arguments:
        inputs: channels that the first convolution sees.
        shapes: as :func:`halved_shapes` gives them.
    """
    filters = [inputs, *(channels for channels, _, _ in shapes)]
    return [
        _convolution(before, after, name, normalisation if i else "none")
        for i, (before, after) in enumerate(pairwise(filters))
    ]


def _convolution(inputs: int, outputs: int, name: ActivationName, normalisation: Normalisation) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=normalisation == "none")
    return nn.Sequential(convolution, *normalised_maps(outputs, normalisation), activation(name))
