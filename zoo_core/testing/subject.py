"""What is checked: one example of one component, or a whole plugin."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from zoo_core.building.builder import constructed
from zoo_core.data.labels import one_each
from zoo_core.interfaces import Component, Decoder, Encoder, Head, ImageShape, Labels, Modality, Part, Tags, Vocabulary
from zoo_core.noise import derive_seed
from zoo_core.registry.loading import PluginStatus
from zoo_core.registry.names import Entry
from zoo_core.registry.parameter import check, context
from zoo_core.tensors.lazy import materialize_lazy
from zoo_core.testing.pictures import ATTRIBUTES, CLASSES, batch, vocabulary_of
from zoo_core.testing.quiet import quieted
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.surroundings import surround

Inputs: TypeAlias = tuple[Tensor, *tuple[Tensor | None, ...]]
"""What a forward is given, by position; None stands for an argument that it does not take before one that it does."""

SIDE = 16
KEPT = 2
"""Built parts that a subject keeps for its next checks."""


@dataclass(frozen=True)
class PluginSubject:
    """A plugin as a whole.

    Arguments:
        name: the plugin's.
        module: what its entry point names.
        status: how its loading went.
    """

    name: str
    module: str
    status: PluginStatus


@dataclass(frozen=True, eq=False)
class Subject:
    """One example of a component.

    Arguments:
        entry: under which it is registered.
        component: its class.
        index: the example's place among ``examples()``.
        example: its settings; ``architecture`` for a family, ``labels="attributes"`` for one that needs data with attributes.
    """

    entry: Entry
    component: type[Component]
    index: int = 0
    example: Mapping[str, Any] = field(default_factory=dict)
    _kept: OrderedDict[Any, nn.Module] = field(default_factory=OrderedDict, repr=False)

    @property
    def kind(self) -> str:
        """The kind it is registered under."""
        return self.entry.kind

    @property
    def tags(self) -> Tags:
        """The class's."""
        return self.component.tags

    @property
    def settings(self) -> dict[str, Any]:
        """The example without the context in it."""
        return {key: value for key, value in self.example.items() if key not in ("architecture", "labels")}

    # ------------------------------------------------------------------------------------------------ what it is given

    @property
    def image_shapes(self) -> tuple[ImageShape, ImageShape]:
        """A square shape with few channels and an oblong one with more, as far as the tags allow; of what is no image, short windows
        (or points) and longer ones."""
        if self.modality != "image":
            return (1, 1, SIDE), (1, 1, 3 * SIDE // 2)
        channels = self.tags.channels or (1, 3)
        few, more = min(channels), max(channels)
        square = self.tags.nearest((few, SIDE, SIDE))
        oblong = self.tags.nearest((more, SIDE, 3 * SIDE // 2))
        return (few, max(square), max(square)), (more, *oblong)

    @property
    def modality(self) -> Modality:
        """What it is tried on: the first that its tags name."""
        return self.tags.modalities[0]

    @property
    def vocabulary(self) -> Vocabulary:
        """What the tokens stand for that it is given; empty where it is given none."""
        return vocabulary_of(self.modality)

    @property
    def labels(self) -> Labels:
        """Labels that it takes; in another order, and one more, where the example chooses some attributes of them."""
        asked = self.settings.get("attributes")
        if isinstance(asked, list | tuple) and asked:  # a decoder's says only that it tells them
            return Labels("attributes", (ATTRIBUTES.names[0], *reversed(asked)))
        return ATTRIBUTES if "attributes" in (self.tags.labels, self.example.get("labels")) else CLASSES

    def fresh(
        self,
        image_shape: ImageShape | None = None,
        *,
        seed: int = 0,
        labels: Labels | None = None,
        parts: Mapping[str, Part] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Any:
        """The component, built as ``build`` does: settings checked, context filled in, first weights from ``seed``.

        Arguments:
            settings: over the example's.
        """
        shape, labels = image_shape or self.image_shapes[0], labels or self.labels
        params = check(self.component, {**self.settings, **(settings or {})}, self.kind)
        if parts is None and "parts" in context(self.component):
            parts = self.surroundings(shape)
        available = {
            "image_shape": shape,
            "labels": labels,
            "modality": self.modality,
            "vocabulary": self.vocabulary,
            "parts": parts,
            "architecture": self.example.get("architecture"),
        }
        built = constructed(self.component, params, available, derive_seed(seed, "conformance"))
        if isinstance(built, Part):
            materialize_lazy(built, self.kind, shape, seed, self.modality)
            quieted(built)
        return built

    def part(self, image_shape: ImageShape | None = None, seed: int = 0) -> Part:
        """A copy of the part as :meth:`fresh` builds it, in eval mode; building is done once for several checks."""
        key = (image_shape or self.image_shapes[0], seed)
        if key not in self._kept:
            self._kept[key] = self.fresh(key[0], seed=seed)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return cast(Part, copy.deepcopy(self._kept[key])).eval()

    def settled(self, image_shape: ImageShape | None = None, seed: int = 0) -> Part:
        """As :meth:`part`, with the running statistics of a forward in train mode instead of those of fresh layers, under
        which a deep net's signal may die out."""
        part = self.part(image_shape, seed)
        norms = [m for m in part.modules() if isinstance(m, _NormBase) and m.track_running_stats]
        if not norms:
            return part
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 1.0
        with torch.no_grad():
            outputs(part.train(), self.inputs(part, 16, image_shape, start=50))
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
        return part.eval()

    def surroundings(self, image_shape: ImageShape | None = None, *, conditional: bool = False) -> dict[str, Part]:
        """The parts that it needs around it."""
        needs = getattr(self.component, "needs", {})
        shape = image_shape or self.image_shapes[0]
        return surround(needs, shape, self.labels, self.vocabulary, plugin=self.entry.plugin, conditional=conditional)

    def inputs(self, part: Part, n: int, image_shape: ImageShape | None = None, *, start: int = 0) -> Inputs:
        """``n`` rows of what ``part``'s forward takes: pictures or windows of tokens (and noise, and classes), codes (and classes), or
        what it names in ``inputs``."""
        shape = image_shape or self.image_shapes[0]
        generator = torch.Generator().manual_seed(derive_seed("inputs", start))
        pictures = batch(n, shape, self.labels, start=start, modality=self.modality)
        told, classes = (
            "labels" in part.capabilities,
            one_each(self.labels, torch.arange(start, start + n) % self.labels.count),
        )
        if isinstance(part, Encoder) and part.family.noise_channels:
            noise = torch.randn(n, part.family.noise_channels, *shape[1:], generator=generator)
            return (pictures.x, noise, classes) if told else (pictures.x, noise)
        if isinstance(part, Decoder | Head):
            first = torch.randn(n, part.latent_dim, generator=generator)
        elif isinstance(part, Encoder):
            first = pictures.x
        else:
            first, *others = (self._input(name, part, pictures.x, generator) for name in part.inputs)
            rest: tuple[Tensor | None, ...] = (*others, classes) if told else tuple(others)
            return (first, *rest)
        if not told:
            return (first,)
        return (first, None, classes) if isinstance(part, Encoder) else (first, classes)

    def _input(self, name: str, part: Part, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """What ``part`` takes under ``name``, as :attr:`zoo_core.interfaces.Part.inputs` has it.

        Raises:
            CheckFailed: there is nothing of that name, or its width is not known.
        """
        if name == "x":
            return pictures
        width = getattr(part, "latent_dim", None)
        if name != "z" or not isinstance(width, int):
            found = f"{name!r}" if name != "z" else f"z, and latent_dim = {width!r}"
            raise CheckFailed(
                "inputs that name x (images) and z (codes of width latent_dim)",
                found=found,
                do='inputs = ("x", "z"), and self.latent_dim in __init__',
            )
        return torch.randn(len(pictures), width, generator=generator)


def each(inputs: Inputs, change: Callable[[Tensor], Tensor]) -> Inputs:
    """``inputs`` with every tensor changed; what is left out stays so."""
    return (change(inputs[0]), *(None if one is None else change(one) for one in inputs[1:]))


def outputs(part: Callable[..., object], inputs: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """What ``part`` gives for ``inputs``, always as a tuple.

    Raises:
        CheckFailed: it is anything but tensors.
    """
    given = part(*inputs)
    several = given if isinstance(given, tuple) else (given,)
    for one in several:
        if not isinstance(one, Tensor):
            raise CheckFailed(
                "tensors from forward",
                found=f"an object of type {type(one).__name__}",
                do="return the tensor itself: distributions are built outside, by the core",
            )
    return several


def difference(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> float:
    """The largest deviation, relative to the largest value of its tensor; infinite where shapes differ."""
    if [t.shape for t in found] != [t.shape for t in expected]:
        return float("inf")
    deviations = [0.0]
    for a, b in zip(found, expected):
        a, b = a.detach().double(), b.detach().double()
        deviation = float((a - b).abs().max() / b.abs().max().clamp(min=1e-6)) if a.numel() else 0.0
        deviations.append(deviation if deviation == deviation else float("inf"))
    return max(deviations)
