"""What an extractor sees in a model's reconstructions of images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, final

from torch import Tensor

from zoo_basics.metrics.drawn_samples import BATCH
from zoo_basics.metrics.extractor import ChosenExtractor
from zoo_basics.metrics.progress import tracked
from zoo_basics.metrics.real_images import RealImages
from zoo_core.data import labels_for
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch

if TYPE_CHECKING:
    from zoo_core.model import Model


@final
class ReconstructedFeatures:
    """The features of reconstructions (``model.reconstruct``) as a stream: each image is reconstructed once.

    Arguments:
        rows: numbers of the images that are reconstructed, in the order in which they come.
    """

    def __init__(self, extractor: ChosenExtractor, model: Model, images: RealImages, rows: Tensor) -> None:
        self.extractor = extractor
        self.count = len(rows)
        """How many there are."""
        self.protocol: dict[str, Any] = {"of": "reconstructions"}
        """What they are, for a figure's protocol."""
        self._model, self._images, self._rows, self._next = model, images, rows, 0

    def batches(self, count: int, what: str = "reconstructions") -> Iterator[Tensor]:
        """Of the next ``count`` reconstructions: float32 (N, width) on the extractor's device, N ≤ 250.

        Arguments:
            what: the progress bar's words for them.

        Raises:
            DataError: pixels or features that are not finite.
        """
        rows = self._rows[self._next : self._next + count]
        self._next += count
        yield from map(self.extractor, tracked(self._reconstructed(rows), count, what))

    def _reconstructed(self, rows: Tensor) -> Iterator[Tensor]:
        model = self._model
        for piece, x in zip(rows.split(BATCH), self._images.batches(BATCH, rows), strict=True):
            y = None if self._images.y is None else self._images.y[piece].to(model.device)
            batch = Batch(x.to(model.device, model.dtype), y)
            made = model.reconstruct(batch.x, labels_for(model, batch, "encoder", "decoder")).float()
            if not made.isfinite().all():
                raise DataError(
                    "the model made reconstructions with pixels that are not finite",
                    hint="its training went wrong; take an earlier checkpoint",
                )
            yield made.clamp(0, 1)
