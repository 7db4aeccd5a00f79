"""What an extractor sees in a model's samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

from torch import Tensor

from zoo_basics.metrics.drawn_samples import DrawnSamples
from zoo_basics.metrics.extractor import ChosenExtractor
from zoo_basics.metrics.progress import tracked


@final
class SampleFeatures:
    """The features of samples as a stream: each sample is drawn once, and gone when it has been looked at."""

    def __init__(self, extractor: ChosenExtractor, drawn: DrawnSamples) -> None:
        self.extractor = extractor
        self.sampler = drawn.sampler
        """What draws them, for a protocol."""
        self.protocol: dict[str, Any] = {"sampler": drawn.sampler}
        """What they are, for a figure's protocol."""
        self._drawn = drawn

    def batches(self, count: int, what: str = "samples") -> Iterator[Tensor]:
        """Of the next ``count`` samples: float32 (N, width) on the extractor's device, N ≤ 250.

        Arguments:
            what: the progress bar's words for them.

        Raises:
            DataError: pixels or features that are not finite.
        """
        for x in tracked(self._drawn.batches(count), count, what):
            yield self.extractor(x)
