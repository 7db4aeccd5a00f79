"""ScoredExtractor: any feature extractor as a discriminator."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from zoo_basics.discriminators.discriminator import (
    ScoreHead,
    conditional_classes,
    penultimate,
    spectrally_normalised,
)
from zoo_basics.layers.bounds import Width
from zoo_core.building import check_layer
from zoo_core.interfaces import FeatureExtractor, Labels, Nested, Tags


class ScoredExtractor(FeatureExtractor):
    """A layer of any feature extractor, a fully connected layer ``features`` with ReLU, and ``score``: a classifier's net, a torchvision
    or timm one, as a discriminator. It trains as a whole.

    Arguments:
        net: the extractor, by name or as a table with ``name`` and parameters; its weights are new unless it is asked for others.
        layer: of the extractor; empty is its last before the logits. Maps are flattened.
        features: width of the fully connected layer.
        spectral_norm: every weight, the extractor's too, is divided by its largest singular value.
        conditional: the score takes the label into account.

    Raises:
        IncompatibleError: the extractor does not give that layer.
        SettingError: ``conditional`` and the data have no classes.
    """

    tags: ClassVar[Tags] = Tags(stochastic=True, batch_statistics=True, conditional=True)
    format: ClassVar[int] = 2
    """Since 2 the net has an entry of its own."""

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        net = {"name": "zoo-basics:mlp", "hidden": [12], "layers": ["hidden1"]}
        return [{"net": net, "features": 8}, {"net": net, "features": 8, "spectral_norm": True, "conditional": True}]

    def __init__(
        self,
        *,
        labels: Labels,
        net: Nested[FeatureExtractor] = Nested("zoo-features:small-cnn"),
        layer: str = "",
        features: Width = 1024,
        spectral_norm: bool = False,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        classes = conditional_classes(labels, conditional)
        self.net = net.build(layers=[layer]) if layer and "layers" not in net.params else net.build()
        self.layer = layer or [name for name in self.net.layers if name not in ("logits", "score")][-1]
        check_layer(self.net, "net", self.layer)
        self.hidden = penultimate(self.net.shapes[self.layer], features)
        self.head = ScoreHead(features, classes)
        self.layers = ("features", "score")
        self.shapes = {"features": (features,), "score": (1,)}
        if spectral_norm:
            spectrally_normalised(self)

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | self.head.capabilities

    def forward(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, ...]:
        """``features`` and ``score`` for x (N, C, H, W) in [0, 1] and, where it is conditional, y int64 (N,), −1 = unlabelled."""
        features = self.hidden(self.net.features(x)[self.layer])
        return features, self.head(features, y)
