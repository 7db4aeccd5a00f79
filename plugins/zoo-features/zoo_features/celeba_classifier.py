"""The classifier of CelebA's 40 attributes of the discriminatively regularised face models."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from torch import Tensor

from zoo_core.data import chosen
from zoo_core.interfaces import FeatureExtractor, ImageShape, Labels, Tags
from zoo_features.shapes import refusing, shapes_of
from zoo_features.strided_cnn import Conv, StridedCNN
from zoo_features.weights import Weights, fetch, load_into

ATTRIBUTES = 40


@final
class CelebAClassifier(FeatureExtractor):
    """Six unpadded convolutions, a hidden layer of 1,000 and 40 sigmoids (vdumoulin/discgen; Lamb et al. 2016, Table 1).

    Layers: ``conv1``, ``conv2``, ``conv3`` (the batch-norm outputs of the three strided convolutions, before the ReLU) and ``logits``.
    Trained with ``zoo train classifier --data celeba``; the saved folder then serves as ``classifier=FOLDER``.

    Arguments:
        layers: names or indices.
        attributes: names of the data's attributes that it tells, in the order of its logits; none means all.
        weights: a path to a safetensors file, or None for random ones; nothing is published.
    """

    tags: ClassVar[Tags] = Tags(stochastic=True, batch_statistics=True, smallest_side=42)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"layers": ["conv1", "logits"]}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        layers: tuple[str | int, ...] = ("conv1", "conv2", "conv3"),
        weights: Weights = None,
        attributes: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.attributes, labels = attributes, chosen(labels, attributes, "classifier.attributes")
        convs = [
            Conv(32, 4),
            Conv(32, 3, 2, name="conv1", dropout=0.5),
            Conv(64, 4),
            Conv(64, 3, 2, name="conv2", dropout=0.5),
            Conv(128, 3),
            Conv(128, 3, 2, name="conv3", dropout=0.5),
        ]
        outputs = labels.count if labels.type == "attributes" else ATTRIBUTES
        self.net = StridedCNN(image_shape[0], convs, (1000,), outputs, layers, "celeba-classifier", dropout=0.5)
        self.layers = self.net.layers
        with torch.no_grad(), refusing("celeba-classifier", image_shape):
            self.net.eval()(torch.zeros(1, *image_shape, device=next(self.net.convs.parameters()).device))
        self.net.train()
        tensors, self.weights_reference = fetch(weights, None, "celeba-classifier")
        if tensors is not None:
            load_into(self.net, tensors, "celeba-classifier", ignored=self.net.dropped)
        with refusing("celeba-classifier", image_shape):
            self.shapes = shapes_of(self, image_shape)

    def module_path(self, layer: str) -> str:
        return f"net.{self.net.module_path(layer)}"

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        activations: tuple[Tensor, ...] = self.net(x)
        return activations
