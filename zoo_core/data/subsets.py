"""Subsets of a split: chosen examples, labelled ones, and a few labels with balanced classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.dataset import Images, Split
from zoo_core.noise import derive_seed


@final
class PickedImages:
    """The images at ``indices`` of images that are read one at a time, in that order."""

    def __init__(self, images: Images, indices: Sequence[int]) -> None:
        self.images = images
        self.indices = list(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[self.indices[index]]


def pick(split: Split, indices: Tensor) -> Split:
    """The examples at ``indices``, in that order; images that are read one at a time stay so."""
    if isinstance(split.x, Tensor):
        return split.subset(indices)
    y, attributes, groups = (None if t is None else t[indices] for t in (split.y, split.attributes, split.groups))
    return replace(split, x=PickedImages(split.x, indices.tolist()), y=y, attributes=attributes, groups=groups)


def labelled(split: Split) -> Split:
    """The examples of ``split`` whose class is known.

    Raises:
        DataError: there are none.
    """
    if split.y is None:
        raise DataError(
            "labelled examples were asked for, and these data have no classes", hint="choose data with classes"
        )
    known = (split.y >= 0).nonzero().flatten()
    if not len(known):
        raise DataError("labelled examples were asked for, and none of these has a label")
    return split if len(known) == len(split) else pick(split, known)


def with_labels(split: Split, total: int, seed: int) -> Split:
    """``split`` with only ``total`` classes known, as even as they can be, as in semi-supervised learning; the others become −1.

    Where ``total`` is not a multiple of the number of classes, classes drawn with the seed get one example more.

    Arguments:
        split: a split with classes; examples with label −1 stay so.
        total: how many examples keep their class.
        seed: of the choice.

    Raises:
        DataError: the split has no classes, a class has too few examples, or ``total`` is less than one for each class.
    """
    if split.y is None:
        raise DataError("labels were asked for, and these data have no classes", hint="choose data with classes")
    generator = torch.Generator().manual_seed(derive_seed(seed, "labelled", total))
    classes = split.y[split.y >= 0].unique().tolist()
    if not classes:
        raise DataError("labels were asked for, and none of these examples has one")
    if total < len(classes):
        raise DataError(
            f"{total} labelled examples are not one for each of the {len(classes)} classes",
            hint=f"--labels {len(classes)} or more",
        )
    favoured = set(torch.randperm(len(classes), generator=generator)[: total % len(classes)].tolist())
    kept = torch.full_like(split.y, -1)
    for place, label in enumerate(classes):
        members = (split.y == label).nonzero().flatten()
        wanted = total // len(classes) + (place in favoured)
        if wanted > len(members):
            raise DataError(
                f"class {label} has {len(members)} labelled examples, {wanted} are needed for a balanced {total}",
                hint=f"--labels {len(members) * len(classes)} or fewer",
                wanted=wanted,
                found=len(members),
            )
        kept[members[torch.randperm(len(members), generator=generator)[:wanted]]] = label
    return replace(split, y=kept)
