"""VGG (Simonyan and Zisserman 2014), layers by their usual names."""

from __future__ import annotations

from abc import ABC
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from zoo_core.interfaces import FeatureExtractor, ImageShape, Tags
from zoo_features.asked_layers import asked_layers
from zoo_features.preprocessing import Preprocessing
from zoo_features.shapes import refusing, shapes_of
from zoo_features.weights import Published, Weights, fetch, load_into


class VGG(FeatureExtractor, ABC):
    """The convolutional part of VGG, at any image size that survives its pooling.

    Layers: ``conv1_1`` (before the ReLU), ``relu1_1`` (after it), ``pool1`` and so on. Parameter names are torchvision's and timm's
    (``features.N.weight``, here ``net.N.weight``), so that the published file loads; the fully connected layers are dropped.

    Arguments:
        layers: names or indices.
        weights: ``"default"`` is timm's copy of torchvision's ImageNet weights, as safetensors from the Hub.
        pooling: ``average`` in the place of ``max`` is what the texture synthesis of Gatys et al. 2015 and the published
            discriminatively regularised models use.
    """

    tags: ClassVar[Tags] = Tags(channels=(1, 3))

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"layers": ["conv1_1", "relu1_1", "pool1", "relu2_1"], "weights": None, "pooling": "average"}]

    widths: ClassVar[tuple[tuple[int, ...], ...]]
    repo: ClassVar[str]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        layers: tuple[str | int, ...] = ("relu1_1", "relu2_1", "relu3_1"),
        weights: Weights = "default",
        pooling: Literal["max", "average"] = "max",
    ) -> None:
        super().__init__()
        who = type(self).__name__.lower()
        available: list[str] = []
        modules: list[nn.Module] = []
        channels = 3
        for stage, widths in enumerate(self.widths, 1):
            for i, width in enumerate(widths, 1):
                available += [f"conv{stage}_{i}", f"relu{stage}_{i}"]
                # Not in place: what was asked for before the ReLU must stay as it is.
                modules += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            available.append(f"pool{stage}")
            modules.append(nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2))
        self.layers = asked_layers(layers, available, who)
        self.names = available[: available.index(self.layers[-1]) + 1]
        self.preprocessing = Preprocessing()
        self.net = nn.Sequential(*modules[: len(self.names)])
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)
        tensors, self.weights_reference = fetch(weights, Published(self.repo), who)
        if tensors is not None:
            own = {name.removeprefix("features."): t for name, t in tensors.items() if name.startswith("features.")}
            load_into(self.net, own, who, ignored=tuple(f"{i}." for i in range(len(self.names), len(available))))
        with refusing(who, image_shape):
            self.shapes = shapes_of(self, image_shape)

    def module_path(self, layer: str) -> str:
        return f"net.{self.names.index(layer)}" if layer in self.names else f"net.{layer}"

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        seen: dict[str, Tensor] = {}
        x = self.preprocessing(x)
        for name, module in zip(self.names, self.net):
            x = module(x)
            if name in self.layers:
                seen[name] = x
        return tuple(seen[layer] for layer in self.layers)


class VGG11(VGG):
    """Eleven layers."""

    widths = ((64,), (128,), (256, 256), (512, 512), (512, 512))
    repo = "timm/vgg11.tv_in1k"


class VGG13(VGG):
    """Thirteen layers."""

    widths = ((64, 64), (128, 128), (256, 256), (512, 512), (512, 512))
    repo = "timm/vgg13.tv_in1k"


class VGG16(VGG):
    """Sixteen layers."""

    widths = ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)
    repo = "timm/vgg16.tv_in1k"


class VGG19(VGG):
    """Nineteen layers."""

    widths = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)
    repo = "timm/vgg19.tv_in1k"
