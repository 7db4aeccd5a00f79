"""Small pictures with labels, to check components with: real digits where scikit-learn is installed, drawn ones elsewhere; and windows
of a small text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from zoo_core.interfaces import Batch, ImageShape, Labels, Modality, Vocabulary
from zoo_core.interfaces.dataset import SplitName
from zoo_core.interfaces.vocabulary import NO_TOKENS

CLASSES = Labels("classes", tuple("0123456789"))
ATTRIBUTES = Labels("attributes", ("even", "small", "prime", "round"))
TEXT = "the rain in spain stays mainly in the plain, and the train in rain runs late. "
VOCABULARY = Vocabulary(tuple(sorted(set(TEXT))))
STRIDE = 5
"""Characters from the start of a window of the text to that of the next."""


@cache
def _digits() -> tuple[Tensor, Tensor]:
    """(1797, 1, 8, 8) in [0, 1] and their classes (1797,)."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        return _drawn()
    digits = load_digits()
    return torch.from_numpy(digits.images).float().unsqueeze(1) / 16, torch.from_numpy(digits.target).long()


def _drawn() -> tuple[Tensor, Tensor]:
    """A spot for each class, at a place of its own, of varying size and brightness."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(1800) % 10
    angle = y * (torch.pi / 5)
    jitter, spread = torch.randn(2, 1800, generator=generator) * 0.3, 1 + torch.rand(1800, generator=generator)
    row, column = 3.5 + 2.2 * angle.sin() + jitter[0], 3.5 + 2.2 * angle.cos() + jitter[1]
    axis = torch.arange(8.0)
    squares = (axis[None, :, None] - row[:, None, None]) ** 2 + (axis[None, None, :] - column[:, None, None]) ** 2
    return torch.exp(-squares / spread[:, None, None]).unsqueeze(1), y


def split_batches(
    name: SplitName, sizes: Sequence[int], image_shape: ImageShape, labels: Labels, modality: Modality = "image"
) -> Iterator[Batch]:
    """A split of small pictures, or of windows of tokens, others than those of the other splits, in batches of ``sizes``."""
    start = sum(sizes) * ("test", "validation", "train").index(name)
    for size in sizes:
        yield batch(size, image_shape, labels, start=start, modality=modality)
        start += size


def vocabulary_of(modality: Modality) -> Vocabulary:
    """What the tokens of :func:`batch` stand for."""
    return VOCABULARY if modality == "tokens" else NO_TOKENS


def batch(n: int, image_shape: ImageShape, labels: Labels, *, start: int = 0, modality: Modality = "image") -> Batch:
    """``n`` pictures from number ``start`` on, resized to ``image_shape`` and repeated over its channels, with ``labels``; or as many
    windows of tokens."""
    pictures, classes = _digits()
    index = torch.arange(start, start + n) % len(pictures)
    x = _windows(n, image_shape[2], start) if modality == "tokens" else _resized(pictures[index], image_shape)
    y = classes[index]
    match labels.type:
        case "classes":
            return Batch(x, y % labels.count, modality=modality)
        case "attributes":
            bits = torch.stack([(y * (k + 3)) % 7 < 3 for k in range(labels.count)], dim=1)
            return Batch(x, None, bits.to(torch.int8), modality)
        case _:
            return Batch(x, modality=modality)


def _resized(pictures: Tensor, image_shape: ImageShape) -> Tensor:
    x = interpolate(pictures, image_shape[1:], mode="bilinear", align_corners=False)
    # Channels differ, as colours do.
    return torch.cat([x ** (1 + channel / 2) for channel in range(image_shape[0])], dim=1).clamp(0, 1)


def _windows(n: int, length: int, start: int) -> Tensor:
    """``n`` windows of the text, which is repeated without end: ids (n, length)."""
    text = VOCABULARY.ids(TEXT)
    first = STRIDE * torch.arange(start, start + n)
    return text[(first[:, None] + torch.arange(length)) % len(text)]
