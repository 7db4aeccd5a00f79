"""The authors' classifiers: a convolutional and a fully connected one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Annotated, Any, ClassVar, Literal, cast

from annotated_types import Ge, Le, MaxLen, MinLen
from torch import Tensor, nn

from zoo_core.errors import SettingError, did_you_mean, shown
from zoo_core.interfaces import FeatureExtractor, ImageShape, Labels, Tags

Width = Annotated[int, Ge(1), Le(65_536)]
ActivationName = Literal["leaky-relu", "relu", "tanh"]
MADE_BY: Mapping[str, type[nn.Module]] = {"leaky-relu": nn.LeakyReLU, "relu": nn.ReLU, "tanh": nn.Tanh}


class StagedClassifier(FeatureExtractor):
    """Modules one after another, each of which gives a layer of its name; the last is ``logits``."""

    def finish(
        self, stages: Mapping[str, nn.Module], shapes: Mapping[str, tuple[int, ...]], layers: tuple[str, ...]
    ) -> None:
        """Keep the stages up to the last of the asked ``layers``.

        Raises:
            SettingError: there is no such layer, none is asked for, or there are no labels for the logits.
        """
        for layer in layers:
            if layer not in stages:
                hint = did_you_mean(layer, list(stages)) or f"its layers are {', '.join(stages)}"
                raise SettingError(f"there is no layer {shown(layer)!r}", hint=hint)
        if not layers:
            raise SettingError("no layer is asked for", hint=f"its layers are {', '.join(stages)}")
        self.layers = tuple(name for name in stages if name in layers)
        self.shapes = {name: shapes[name] for name in self.layers}
        if shapes["logits"] == (0,) and "logits" in self.layers:
            raise SettingError(
                "there are no labels to classify",
                hint='build with data that have some (data="digits"), or leave logits out of layers',
            )
        self.stages = list(stages)[: list(stages).index(self.layers[-1]) + 1]
        for name in self.stages:
            self.add_module(name, stages[name])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        seen: dict[str, Tensor] = {}
        for name in self.stages:
            x = seen[name] = cast(nn.Module, getattr(self, name))(x)
        return tuple(seen[layer] for layer in self.layers)


class ConvClassifier(StagedClassifier):
    """The convolutional net of the MNIST tables: 8×8 at stride 2 (padded), 6×6 at stride 2, 5×5, then the logits.

    Layers: ``conv1``, ``conv2``, ``conv3`` (after their activations), ``flat`` (the last maps as a vector, 128 units for images of
    28×28) and ``logits``.

    Arguments:
        width: filters of the first convolution; the others have twice as many.
        activation: after each convolution.
        layers: what is asked for.
    """

    tags: ClassVar[Tags] = Tags(smallest_side=28)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"width": 3}, {"width": 3, "activation": "tanh", "layers": ["conv2"]}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        width: Annotated[int, Ge(1), Le(16_384)] = 64,
        activation: ActivationName = "relu",
        layers: tuple[str, ...] = ("conv1", "conv2", "conv3", "flat", "logits"),
    ) -> None:
        super().__init__()
        channels, *sides = image_shape
        stages: dict[str, nn.Module] = {}
        shapes: dict[str, tuple[int, ...]] = {}
        for i, (filters, kernel, stride, padding) in enumerate(
            ((width, 8, 2, 3), (2 * width, 6, 2, 0), (2 * width, 5, 1, 0)), start=1
        ):
            conv = nn.Conv2d(channels, filters, kernel, stride, padding)
            stages[f"conv{i}"] = nn.Sequential(conv, MADE_BY[activation]())
            channels, sides = filters, [(side + 2 * padding - kernel) // stride + 1 for side in sides]
            shapes[f"conv{i}"] = (channels, *sides)
        stages["flat"] = nn.Flatten()
        shapes["flat"] = (channels * prod(sides),)
        stages["logits"] = nn.Linear(shapes["flat"][0], labels.count) if labels.count else nn.Identity()
        self.finish(stages, {**shapes, "logits": (labels.count,)}, layers)


class MLPClassifier(StagedClassifier):
    """Linear layers with an activation after each: ``hidden1``, ``hidden2``, …; then ``logits``.

    Arguments:
        hidden: widths.
        activation: after each of them.
        layers: what is asked for; none is all.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"hidden": [12, 8]}, {"hidden": [12, 8], "activation": "relu", "layers": ["hidden1", "logits"]}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        hidden: Annotated[tuple[Width, ...], MinLen(1), MaxLen(64)] = (512, 512, 512, 512),
        activation: ActivationName = "leaky-relu",
        layers: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        stages: dict[str, nn.Module] = {}
        widths = (prod(image_shape), *hidden)
        for i, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            first = [nn.Flatten()] if i == 1 else []
            stages[f"hidden{i}"] = nn.Sequential(*first, nn.Linear(inputs, outputs), MADE_BY[activation]())
        stages["logits"] = nn.Linear(widths[-1], labels.count) if labels.count else nn.Identity()
        shapes = {f"hidden{i}": (width,) for i, width in enumerate(hidden, start=1)}
        self.finish(stages, {**shapes, "logits": (labels.count,)}, layers or tuple(stages))
