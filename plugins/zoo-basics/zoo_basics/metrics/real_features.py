"""What an extractor sees in the images that are measured."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import final

import torch
from torch import Tensor

from zoo_basics.metrics.drawn_samples import BATCH
from zoo_basics.metrics.extractor import ChosenExtractor
from zoo_basics.metrics.feature_cache import FeatureCache
from zoo_basics.metrics.progress import tracked
from zoo_basics.metrics.real_images import RealImages


@final
class RealFeatures:
    """The features of real images, or what was made of them: computed where they are not kept on disk.

    Arguments:
        cache: whether they are kept, see :mod:`zoo_basics.metrics.feature_cache`.
        rows: numbers of the images that are looked at, in random order; None is all of them.
    """

    def __init__(
        self, extractor: ChosenExtractor, images: RealImages, *, cache: bool, rows: Tensor | None = None
    ) -> None:
        self.count = images.count if rows is None else len(rows)
        """How many images there are."""
        self._extractor, self._images, self._rows = extractor, images, rows
        self._about = {} if rows is None else {"rows": hashlib.sha256(rows.numpy().tobytes()).hexdigest()}
        self._cache = FeatureCache(extractor, images.sha256, enabled=cache)

    def summed_up(self, what: str, summary: Callable[[Iterator[Tensor]], dict[str, Tensor]]) -> dict[str, Tensor]:
        """``summary`` of all images' features, which come in batches: float32 (N, width), N ≤ 250.

        Arguments:
            what: the summary's name in the cache.

        Raises:
            DataError: features that are not finite.
        """
        return self._cache.get(
            what, lambda: summary(self._batches(self._rows, self.count, "real images")), **self._about
        )

    def block(self, size: int, number: int, what: str = "real images") -> Tensor:
        """Float32 (``size``, width), on the CPU: of the ``number``-th block (from 1) of ``size`` images.

        No image is in two blocks of a size. They are always the same, and each is from all over the split.

        Arguments:
            what: the progress bar's words for them.

        Raises:
            DataError: features that are not finite.
        """
        rows = (self._images.mixed(number * size) if self._rows is None else self._rows[: number * size])[-size:]

        def features() -> dict[str, Tensor]:
            return {"features": torch.cat(list(self._batches(rows, size, what))).cpu()}

        return self._cache.get("features", features, mixed=[size, number], **self._about)["features"]

    def _batches(self, rows: Tensor | None, count: int, what: str) -> Iterator[Tensor]:
        for x in tracked(self._images.batches(BATCH, rows), count, what):
            yield self._extractor(x)
