"""The residual nets of He et al. 2015, section 4.2, for 32×32 images."""

from __future__ import annotations

from abc import ABC
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from zoo_core.interfaces import FeatureExtractor, ImageShape, Tags
from zoo_features.asked_layers import asked_layers
from zoo_features.preprocessing import Preprocessing
from zoo_features.shapes import refusing, shapes_of
from zoo_features.weights import Weights, fetch, load_into


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut without parameters (option A): every second pixel, new channels of zeros."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride, self.new_channels = stride, width - channels

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        if self.stride != 1 or self.new_channels:
            half = self.new_channels // 2
            x = pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, self.new_channels - half))
        return relu(out + x)


class Stage(nn.Sequential):
    """Blocks, one after the other."""

    def forward(self, x: Tensor, seen: dict[str, Tensor], name: str) -> Tensor:
        """The last block's output; that of each goes into ``seen``, under this stage's ``name`` and the block's number."""
        for i, block in enumerate(self):
            x = seen[f"{name}.{i}"] = block(x)
        return x


class CifarResNet(FeatureExtractor, ABC):
    """A CIFAR ResNet of depth 6n + 2: three stages of n blocks with 16, 32 and 64 channels.

    Layers: ``stem``, each block ``layer1.0`` …, each stage ``layer1``, ``layer2``, ``layer3`` (its last block's output),
    ``pool`` (the mean over space, 64 numbers) and ``logits``. Parameter names are those of akamaster/pytorch_resnet_cifar10,
    whose files load strictly.

    Arguments:
        layers: names or indices.
        weights: a path, ``hf:org/name``, or None for random ones; there are no published ones to default to.
        classes: how many logits; None is CIFAR-10's ten. Where the weights' head has another number, the head is new and the rest theirs.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, channels=(1, 3))

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        # What lies behind the last layer is not built: a deep net's first blocks say as much as all of them.
        return [{"layers": ["stem", "layer1", "logits"] if cls.blocks == 3 else ["stem", "layer1.1"]}]

    blocks: ClassVar[int]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        layers: tuple[str | int, ...] = ("layer1", "layer2", "layer3"),
        weights: Weights = None,
        classes: Annotated[int, Ge(1), Le(65_536)] | None = None,
    ) -> None:
        super().__init__()
        n, who = self.blocks, f"cifar-resnet{6 * self.blocks + 2}"
        available = [
            "stem",
            *(name for s in (1, 2, 3) for name in (*(f"layer{s}.{i}" for i in range(n - 1)), f"layer{s}")),
            "pool",
            "logits",
        ]
        aliases = {f"layer{s}.{n - 1}": f"layer{s}" for s in (1, 2, 3)}
        self.layers = asked_layers(
            [aliases.get(layer, layer) if isinstance(layer, str) else layer for layer in layers], available, who
        )
        self.preprocessing = Preprocessing()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        last = available.index(self.layers[-1])
        widths = {1: (16, 16, 1), 2: (16, 32, 2), 3: (32, 64, 2)}
        before = {s: available.index(f"layer{s - 1}" if s > 1 else "stem") for s in (1, 2, 3)}
        # Blocks of each stage, as far as the last asked layer.
        kept = {s: min(n, last - before[s]) for s in (1, 2, 3) if last > before[s]}
        self.stages = list(kept)
        for s in self.stages:
            channels, width, stride = widths[s]
            self.add_module(
                f"layer{s}",
                Stage(Block(channels, width, stride), *(Block(width, width, 1) for _ in range(kept[s] - 1))),
            )
        if self.layers[-1] == "logits":
            self.linear = nn.Linear(64, classes or 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
        tensors, self.weights_reference = fetch(weights, None, who)
        if tensors is not None:
            dropped = [f"layer{s}.{i}." for s in (1, 2, 3) for i in range(kept.get(s, 0), n)]
            dropped += ["linear."] * (self.layers[-1] != "logits")
            fresh = load_into(self, tensors, who, ignored=tuple(dropped), heads=() if classes is None else ("linear.",))
            if fresh and self.layers[-1] == "logits":
                self.weights_reference = None  # what is published is not all that it is
        with refusing(who, image_shape):
            self.shapes = shapes_of(self, image_shape)

    def module_path(self, layer: str) -> str:
        return "linear" if layer == "logits" else layer

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        seen: dict[str, Tensor] = {}
        x = seen["stem"] = relu(self.bn1(self.conv1(self.preprocessing(x))))
        for s in self.stages:
            x = seen[f"layer{s}"] = self.get_submodule(f"layer{s}")(x, seen, f"layer{s}")
        if self.layers[-1] in ("pool", "logits"):
            x = seen["pool"] = x.mean((2, 3))
        if self.layers[-1] == "logits":
            seen["logits"] = self.linear(x)
        return tuple(seen[layer] for layer in self.layers)


class CifarResNet20(CifarResNet):
    """Depth 20."""

    blocks = 3


class CifarResNet32(CifarResNet):
    """Depth 32."""

    blocks = 5


class CifarResNet44(CifarResNet):
    """Depth 44."""

    blocks = 7


class CifarResNet56(CifarResNet):
    """Depth 56."""

    blocks = 9


class CifarResNet110(CifarResNet):
    """Depth 110."""

    blocks = 18
