"""A small trainable classifier for any image size."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, final

import torch
from annotated_types import Ge, Le, Lt
from torch import Tensor

from zoo_core.data import chosen
from zoo_core.errors import SettingError
from zoo_core.interfaces import FeatureExtractor, ImageShape, Labels, Tags
from zoo_features.shapes import refusing, shapes_of
from zoo_features.strided_cnn import Conv, StridedCNN


@final
class SmallCNN(FeatureExtractor):
    """Three pairs of 3×3 convolutions, the second of each with stride 2, then one hidden layer.

    Layers: ``conv1``, ``conv2``, ``conv3`` (batch-norm outputs of the strided convolutions, before the ReLU) and ``logits``. Trained with
    ``zoo train classifier``; the saved folder then serves as ``classifier=FOLDER``.

    Arguments:
        width: channels of the first pair; they double.
        hidden: width of the hidden layer.
        layers: names or indices.
        attributes: names of the data's attributes that it tells, in the order of its logits; none means all.
        dropout: after each strided convolution and the hidden layer.

    Raises:
        SettingError: logits are asked for and the data have no labels, or none of the ``attributes``.
    """

    tags: ClassVar[Tags] = Tags(stochastic=True, batch_statistics=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small: dict[str, Any] = {"width": 4, "hidden": 16}
        return [small, {**small, "dropout": 0.0}, {**small, "attributes": ["Smiling", "Male"]}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        layers: tuple[str | int, ...] = ("conv1", "conv2", "conv3", "logits"),
        width: Annotated[int, Ge(1), Le(16_384)] = 32,
        hidden: Annotated[int, Ge(1), Le(65_536)] = 256,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.2,
        attributes: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.attributes, labels = attributes, chosen(labels, attributes, "classifier.attributes")
        convs = []
        for stage in (1, 2, 3):
            convs += [Conv(width, 3, 1, 1), Conv(width, 3, 2, 1, f"conv{stage}", dropout)]
            width *= 2
        self.net = StridedCNN(image_shape[0], convs, (hidden,), labels.count, layers, "small-cnn", dropout=dropout)
        self.layers = self.net.layers
        if "logits" in self.layers and labels.count == 0:
            raise SettingError(
                "small-cnn: there are no labels to classify",
                hint='build with data that have some (data="digits"), or leave logits out of layers',
            )
        with torch.no_grad(), refusing("small-cnn", image_shape):
            self.net.eval()(torch.zeros(1, *image_shape, device=next(self.net.convs.parameters()).device))
        self.net.train()
        with refusing("small-cnn", image_shape):
            self.shapes = shapes_of(self, image_shape)

    def module_path(self, layer: str) -> str:
        return f"net.{self.net.module_path(layer)}"

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        activations: tuple[Tensor, ...] = self.net(x)
        return activations
