"""NearestTraining: does the model copy its training images?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor

from zoo_aae.metrics.prior_draws import prior_pictures
from zoo_core.data import nearest
from zoo_core.devices import float64
from zoo_core.distributions import to_float32
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, Metric, MetricResult, Need, SplitName

if TYPE_CHECKING:
    from zoo_core.model import Model

DECODED_AT_ONCE = 500


class NearestTraining(Metric):
    """Mean Euclidean distance, in grey levels of [0, 1], of samples to their nearest training image.

    Beside it the same for held-out images. A model that copies is much nearer to its training images than held-out images
    are, down to 0; one that is merely smooth is somewhat nearer, too, for blurred images are near to many. The numbers to
    the pictures in the last columns of Makhzani et al. 2016, Figure 3. Measured on ``train`` itself, the reference is 0.

    Figures: ``nearest-training``; ``nearest-training-held-out``.

    Arguments:
        samples: so many samples, the decoder's means for draws from the prior, and at most so many held-out images.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"samples": 12}]

    needs: ClassVar[Mapping[str, Need]] = {"decoder": Need("decoder"), "prior": Need("prior")}

    def __init__(self, *, samples: Annotated[int, Ge(1)] = 1000) -> None:
        self.samples = samples
        self._split: Callable[[SplitName], Iterable[Batch]] | None = None

    def prepare(self, model: Model, split: Callable[[SplitName], Iterable[Batch]], generator: torch.Generator) -> None:
        """Keep the way to the training images; they are gone through once, when the samples are there."""
        self._split = split

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The two figures, with standard errors. Of more held-out images than samples a random part is taken.

        Raises:
            IncompatibleError: not prepared.
            DataError: there are no examples.
        """
        if self._split is None:
            raise self.unprepared()
        made = torch.cat(list(prior_pictures(model, self.samples, generator, DECODED_AT_ONCE)))
        real = [batch.x for batch in batches if len(batch)]
        if not real:
            raise DataError("there are no examples to measure", hint="choose another split")
        held_out = to_float32(torch.cat(real))
        held_out = held_out[torch.randperm(len(held_out), generator=generator)[: self.samples].to(held_out.device)]
        distances = float64(nearest(torch.cat([made.to(held_out.dtype), held_out]), self._split("train")).distances)
        return [
            _figure("nearest-training", distances[: len(made)]),
            _figure("nearest-training-held-out", distances[len(made) :]),
        ]


def _figure(name: str, distances: Tensor) -> MetricResult:
    count = len(distances)
    error = (distances.std() / count**0.5).item() if count > 1 else None
    protocol = {"images": count, "compared_with": "train"}
    return MetricResult(name, distances.mean().item(), "Euclidean, grey levels in [0, 1]", "report", error, protocol)
