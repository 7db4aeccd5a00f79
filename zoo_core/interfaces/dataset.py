"""Dataset: named sets of labelled images, or of windows of tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

import torch
from torch import Tensor

from zoo_core.interfaces.batch import ImageShape, Labels
from zoo_core.interfaces.component import Component
from zoo_core.interfaces.vocabulary import NO_TOKENS, Modality, Vocabulary

SplitName: TypeAlias = Literal["train", "validation", "test"]


class Images(Protocol):
    """Images that are read one at a time, for sets that do not fit in memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Tensor:
        """Image ``index``: uint8 (C, H, W)."""


@dataclass(frozen=True)
class Split:
    """One part of a data set.

    Arguments:
        x: uint8 (N, C, H, W), all in memory; or images read one at a time. Points of a space that are no pictures, (N, 1, 1, D), may
            be floating, in [0, 1]. Windows of tokens: their ids, int64 (N, T), those read one at a time (T,).
        y: int64 (N,), −1 = unlabelled; None where there are no classes.
        attributes: int8 (N, A), −1 = unknown; None where there are no attributes.
        groups: int64 (N,), what an example shares with others that should not be in another split (a person, a photograph); −1 =
            not known, which is a group of its own. None where the data do not say.
        flip: in training each image is mirrored left to right half of the time, drawn anew in each epoch.
    """

    x: Tensor | Images
    y: Tensor | None = None
    attributes: Tensor | None = None
    groups: Tensor | None = None
    flip: bool = False

    def __len__(self) -> int:
        return len(self.x)

    def subset(self, indices: Sequence[int] | Tensor) -> Split:
        """The examples at ``indices``, in that order (in memory only)."""
        if not isinstance(self.x, Tensor):
            raise TypeError("subset needs images in memory")
        index = torch.as_tensor(indices, dtype=torch.int64)
        y, attributes, groups = (None if t is None else t[index] for t in (self.y, self.attributes, self.groups))
        return replace(self, x=self.x[index], y=y, attributes=attributes, groups=groups)


class Dataset(ABC, Component):
    """A named set of images, or of windows of tokens, with up to three splits.

    A subclass takes its settings in ``__init__`` and sets ``name``, ``image_shape`` and ``labels`` there, without
    reading the images; ``split`` reads them. One of tokens sets ``modality`` and ``vocabulary``, too, and ``image_shape`` to
    (1, 1, T); where T is a setting, it is called ``length``, and the length of a model's windows is filled in.
    """

    name: str
    image_shape: ImageShape
    labels: Labels

    modality: Modality = "image"
    """What x is. Only images are ever resized."""

    vocabulary: Vocabulary = NO_TOKENS
    """What the ids stand for, where x is of tokens."""

    @abstractmethod
    def split(self, name: SplitName) -> Split:
        """The split called ``name``. The same every time; splits that the publisher did not make are cut with a fixed seed.

        Raises:
            DataError: the files are not there (the text says where they were looked for and how to get them) or
            damaged.
        """
