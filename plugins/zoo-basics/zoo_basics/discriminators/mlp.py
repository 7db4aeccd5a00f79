"""MLPDiscriminator: fully connected layers."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Annotated, Any, ClassVar

from annotated_types import MaxLen, MinLen
from torch import Tensor, nn

from zoo_basics.discriminators.discriminator import Discriminator, spectrally_normalised
from zoo_basics.layers.activation import ActivationName, activation
from zoo_basics.layers.bounds import Width
from zoo_basics.layers.normalisation import Normalisation, normalised_linear
from zoo_core.interfaces import ImageShape, Labels, Tags


class MLPDiscriminator(Discriminator):
    """Linear layers with an activation after each, ``hidden1``, ``hidden2``, …; then ``features`` and ``score``. x is mapped to [−1, 1].

    Arguments:
        hidden: widths of the hidden layers.
        features: width of the last hidden layer, a ReLU after it.
        layers: what is asked for.
        activation: after each of ``hidden``.
        normalisation: before each activation but that of ``features``.
        spectral_norm: every weight is divided by its largest singular value.
        conditional: the score takes the label into account.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, conditional=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"hidden": [16], "features": 12}
        return [
            small,
            {**small, "normalisation": "batch", "layers": ["hidden1", "features", "score"]},
            {**small, "normalisation": "layer", "spectral_norm": True, "conditional": True},
            {**small, "layers": ["hidden1"]},
        ]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        hidden: Annotated[tuple[Width, ...], MinLen(1), MaxLen(64)] = (1000,),
        features: Width = 1024,
        layers: tuple[str, ...] = ("features", "score"),
        activation: ActivationName = "leaky-relu",
        normalisation: Normalisation = "none",
        spectral_norm: bool = False,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        stages = [
            _stage(inputs, outputs, activation, normalisation)
            for inputs, outputs in pairwise((prod(image_shape), *hidden))
        ]
        shapes = [(width,) for width in hidden]
        self.finish(
            "mlp", "hidden", stages, shapes, layers=layers, features=features, labels=labels, conditional=conditional
        )
        if spectral_norm:
            spectrally_normalised(self)

    def look(self, x: Tensor) -> Tensor:
        return (2 * x - 1).flatten(1)


def _stage(inputs: int, outputs: int, name: ActivationName, normalisation: Normalisation) -> nn.Module:
    return nn.Sequential(*normalised_linear(inputs, outputs, normalisation), activation(name))
