"""A net that is changed at named layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from zoo_core.interfaces import FeatureExtractor, Nested, Tags


class Inside(FeatureExtractor):
    """Any classifier, with a 1×1 convolution beside each of its layers ``at``: what the rest of the net sees is their sum.

    Arguments:
        net: the classifier.
        at: names of its layers.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, channels=(1, 3), compilable=False, exportable=False)

    def __init__(
        self,
        *,
        net: Nested[FeatureExtractor] = Nested("zoo-features:cifar-resnet20", classes=4),
        at: tuple[str, ...] = ("layer2", "layer1.0"),
    ) -> None:
        super().__init__()
        self.net = net.build(layers=[*at, "logits"])
        self.at = at
        self.beside = nn.ModuleList(nn.Conv2d(self.net.shapes[layer][0], self.net.shapes[layer][0], 1) for layer in at)
        self.layers, self.shapes, self.labels = self.net.layers, self.net.shapes, self.net.labels

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        hooks = [
            self.net.layer_module(layer).register_forward_hook(_adding(conv))
            for layer, conv in zip(self.at, self.beside)
        ]
        try:
            activations: tuple[Tensor, ...] = self.net(x)
        finally:
            for hook in hooks:
                hook.remove()
        return activations


def _adding(conv: nn.Module) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    def add(_module: nn.Module, _args: Any, out: Tensor) -> Tensor:
        changed: Tensor = out + conv(out)
        return changed

    return add
