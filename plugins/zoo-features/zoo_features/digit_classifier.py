"""The classifier of digits that travels with this package."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from zoo_core.interfaces import FeatureExtractor, ImageShape, Labels, Tags
from zoo_features.shapes import refusing, shapes_of
from zoo_features.strided_cnn import Conv, StridedCNN
from zoo_features.weights import Published, Weights, fetch, load_into

SIDE = 32


@final
class DigitClassifier(FeatureExtractor):
    """A small classifier of scikit-learn's handwritten digits, made as the paper's CelebA classifier is.

    It takes any images: colour is turned to luminance, the size to 32×32. Layers: ``conv1`` (16×16×16), ``conv2`` (32×8×8), ``conv3``
    (64×4×4), each a batch norm's output before the ReLU, and ``logits``.

    Arguments:
        layers: names or indices.
        weights: ``"default"`` is the file in this package (its test accuracy is in its header).
    """

    tags: ClassVar[Tags] = Tags(stochastic=True, batch_statistics=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"layers": ["conv1", "conv2", "logits"]}, {"weights": None}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        layers: tuple[str | int, ...] = ("conv1", "conv2", "conv3"),
        weights: Weights = "default",
    ) -> None:
        super().__init__()
        convs = [
            Conv(16, 3, 2, 1, "conv1"),
            Conv(32, 3, 1, 1),
            Conv(32, 3, 2, 1, "conv2"),
            Conv(64, 3, 2, 1, "conv3", dropout=0.2),
        ]
        self.net = StridedCNN(1, convs, (), 10, layers, "digit-classifier")
        self.layers = self.net.layers
        with torch.no_grad():
            self.net.eval()(torch.zeros(1, 1, SIDE, SIDE, device=next(self.net.convs.parameters()).device))
        self.net.train()
        tensors, self.weights_reference = fetch(
            weights, Published("", "digit-classifier.safetensors"), "digit-classifier"
        )
        if self.weights_reference is not None:
            self.labels = Labels("classes", tuple(map(str, range(10))))
        if tensors is not None:
            load_into(self.net, tensors, "digit-classifier", ignored=self.net.dropped)
        with refusing("digit-classifier", image_shape):
            self.shapes = shapes_of(self, image_shape)

    def module_path(self, layer: str) -> str:
        return f"net.{self.net.module_path(layer)}"

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        if x.shape[1] == 3:
            x = 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
        elif x.shape[1] != 1:
            x = x.mean(1, keepdim=True)
        if x.shape[2:] != (SIDE, SIDE):
            x = interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
        activations: tuple[Tensor, ...] = self.net(x)
        return activations
