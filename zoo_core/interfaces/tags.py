"""Tags: what a component takes and how it behaves, as data that both build and the conformance kit read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo_core.interfaces.vocabulary import Modality

IN_WORDS = {"image": "images", "vector": "points", "tokens": "tokens"}
"""Modalities as messages call them."""


@dataclass(frozen=True, kw_only=True)
class Tags:
    """What holds of a component whatever its parameters are. What depends on them stands in its ``capabilities``.

    The defaults describe an ordinary deterministic part that takes every image.

    Arguments:
        stochastic: a forward in train mode draws random numbers (dropout).
        batch_statistics: in train mode a row's result depends on the other rows (batch norm).
        modalities: what the data may be of, best first: the conformance kit tries it on the first. What looks at no data, as a prior
            and a head do, is not asked.
        channels: numbers of image channels that it takes; None takes any.
        sides_multiple_of: both sides of the image are multiples of this.
        smallest_side, largest_side: bounds of both sides, in pixels; None is no bound.
        square: the two sides are alike.
        labels: what the data must say of each image.
        conditional: it takes a label y where it is set so (its ``capabilities`` then hold ``labels``).
        density: its log-probabilities are normalised: they integrate to 1.
        adversarial: an objective whose terms need not fall in training.
        compilable: ``torch.compile`` takes its forward.
        exportable: ``torch.export`` takes its forward.
    """

    stochastic: bool = False
    batch_statistics: bool = False
    modalities: tuple[Modality, ...] = ("image", "vector")
    channels: tuple[int, ...] | None = None
    sides_multiple_of: int = 1
    smallest_side: int = 1
    largest_side: int | None = None
    square: bool = False
    labels: Literal["none", "classes", "attributes"] = "none"
    conditional: bool = False
    density: bool = False
    adversarial: bool = False
    compilable: bool = True
    exportable: bool = True

    def refusal(self, image_shape: tuple[int, int, int], labels: str, modality: Modality = "image") -> str:
        """Why data of ``modality``, for images of ``image_shape`` = (C, H, W), with ``labels`` (none, classes, attributes) do not do;
        empty where they do."""
        if modality not in self.modalities:
            return f"{self.modalities_text}, not {IN_WORDS[modality]}"
        reasons = [] if modality == "tokens" else self._refused_shape(image_shape)
        if self.labels not in ("none", labels):
            reasons.append(f"data with {self.labels}, not with labels of type {labels}")
        return " and ".join(reasons)

    @property
    def modalities_text(self) -> str:
        """What the data may be of, for people; points count as images of one row where it takes both."""
        return " or ".join(
            IN_WORDS[one] for one in self.modalities if one != "vector" or "image" not in self.modalities
        )

    def _refused_shape(self, image_shape: tuple[int, int, int]) -> list[str]:
        channels, height, width = image_shape
        reasons = []
        if self.channels is not None and channels not in self.channels:
            reasons.append(f"{' or '.join(map(str, self.channels))} channels, not {channels}")
        if not self._fits(height) or not self._fits(width):
            reasons.append(f"{self.sides_text}, not {height}x{width}")
        if self.square and height != width:
            reasons.append(f"square images, not {height}x{width}")
        return reasons

    @property
    def sides_text(self) -> str:
        """Which sides it takes, for people: ``sides that are multiples of 16, from 16 to 256``."""
        multiple = f"that are multiples of {self.sides_multiple_of}" if self.sides_multiple_of > 1 else ""
        smallest, largest = self._nearest(1), self.largest_side
        bounds = (
            f"from {smallest} to {largest}"
            if largest is not None
            else f"of at least {smallest}"
            if smallest > 1
            else ""
        )
        return " ".join(
            ["sides", *([f"{multiple},"] if multiple and bounds else [multiple] if multiple else []), bounds]
        ).strip()

    def nearest(self, image_shape: tuple[int, int, int]) -> tuple[int, int]:
        """The (height, width) nearest to those of ``image_shape`` that do."""
        height, width = self._nearest(image_shape[1]), self._nearest(image_shape[2])
        return (max(height, width),) * 2 if self.square else (height, width)

    def _fits(self, side: int) -> bool:
        within = self.smallest_side <= side and (self.largest_side is None or side <= self.largest_side)
        return within and side % self.sides_multiple_of == 0

    def _nearest(self, side: int) -> int:
        unit = self.sides_multiple_of
        low = -(-self.smallest_side // unit) * unit
        high = None if self.largest_side is None else self.largest_side // unit * unit
        rounded = max(low, round(side / unit) * unit)
        return rounded if high is None else min(rounded, high)
