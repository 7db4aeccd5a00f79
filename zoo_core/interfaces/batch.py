"""What a batch of examples is, and what labels are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from torch import Tensor

from zoo_core.interfaces.vocabulary import Modality

ImageShape: TypeAlias = tuple[int, int, int]
"""(C, H, W); of windows of T tokens (1, 1, T)."""


@dataclass(frozen=True)
class Labels:
    """What a data set says of each image.

    Arguments:
        type: ``classes`` (one of ``names``), ``attributes`` (any of ``names``) or ``none``.
        names: class or attribute names, in the order of their numbers.
    """

    type: Literal["none", "classes", "attributes"] = "none"
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Labels:
        """Those of a model, from its ``config.json``."""
        return cls(config["labels"]["type"], tuple(config["labels"].get("names", ())))

    @property
    def count(self) -> int:
        """How many classes or attributes there are."""
        return len(self.names)


@dataclass(frozen=True)
class Batch:
    """N examples.

    Arguments:
        x: float32 (N, C, H, W) in [0, 1] for images, wherever it appears; a net that wants another range maps inside.
            Of tokens their ids, int64 (N, T).
        y: int64 (N,), −1 where the class is not known; None where there are no classes.
        attributes: int8 (N, A) of 0 and 1, −1 where not known; None where there are no attributes.
        modality: what ``x`` is.
        labels: what ``y`` or ``attributes`` are called, where a data set says so. A model's own labels where the data are in
            their order.
    """

    x: Tensor
    y: Tensor | None = None
    attributes: Tensor | None = None
    modality: Modality = field(default="image")
    labels: Labels = field(default=Labels())

    def __len__(self) -> int:
        return self.x.shape[0]

    @property
    def condition(self) -> Tensor | None:
        """What parts that take labels are told of each image: its class (N,), or its attributes (N, A); None where it has neither."""
        if self.labels.type == "attributes" or self.y is None:
            return self.attributes
        return self.y

    def rows(self, start: int, stop: int) -> Batch:
        """The examples from ``start`` up to ``stop``."""
        y = None if self.y is None else self.y[start:stop]
        attributes = None if self.attributes is None else self.attributes[start:stop]
        return Batch(self.x[start:stop], y, attributes, self.modality, self.labels)
