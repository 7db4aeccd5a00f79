"""ChainMetric: what becomes of pictures along a chain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le, MinLen
from torch import Tensor

from zoo_core.data import nearest, squared_distances
from zoo_core.devices import float64
from zoo_core.distributions import to_float32
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, Metric, MetricResult, Need, SplitName
from zoo_gibbsnet.chain import Chain, Decoding, labels_in_turn, noise_of, prior_codes
from zoo_gibbsnet.metrics.looked_through import Features, LookedThrough, frechet_distance, look_through

if TYPE_CHECKING:
    from zoo_core.model import Model


class ChainMetric(Metric):
    """Chains from the prior, looked at on the way: do they mix, or collapse (Lamb 2018, section 3.3: "stable generation without collapse
    for thousands of steps")?

    Figures, for each of ``steps`` with its number behind the name, all 1 for a model that draws from the data's law:

    - ``chain-variety``: median distance of a picture to the nearest other chain's, over the same median for as many images of the split.
      Near 0, the chains are a few pictures many times over.
    - ``chain-spread``: the sum of the pixels' standard deviations over the chains, over the images'.
    - ``chain-distance``: median distance of a picture to its nearest training image, over that of the split's images.
    - ``chain-fid``, where ``features`` are named (0 is best): Fréchet distance of the pictures' features to those of all images of
      the split.

    Arguments:
        steps: where it looks; the last is how long the chains are.
        chains: how many, and at most how many images they are compared with.
        decoding: as the sampler ``gibbs-chain`` has it.
        features: a feature extractor for ``chain-fid``: its name, a saved model's folder, or a table; None leaves it out.
    """

    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder"),
        "decoder": Need("decoder"),
        "prior": Need("prior"),
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"steps": [1, 3], "chains": 12},
            {"steps": [2], "chains": 12, "decoding": "sample", "features": "digit-classifier"},
        ]

    def __init__(
        self,
        *,
        steps: Annotated[tuple[Annotated[int, Ge(1), Le(10_000_000)], ...], MinLen(1)] = (1, 2, 5, 10, 20, 50, 100),
        chains: Annotated[int, Ge(2), Le(1_000_000)] = 500,
        decoding: Decoding = "mean",
        features: Features | None = None,
    ) -> None:
        self.steps = sorted(set(steps))
        self.chains, self.decoding, self.features = chains, decoding, features
        self._split: Callable[[SplitName], Iterable[Batch]] | None = None

    def prepare(self, model: Model, split: Callable[[SplitName], Iterable[Batch]], generator: torch.Generator) -> None:
        """Keep the way to the training images."""
        self._split = split

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The figures of each step.

        Raises:
            IncompatibleError: not prepared.
            DataError: fewer than two images, or all alike.
            UnknownName, SettingError, WeightsError: the extractor.
        """
        if self._split is None:
            raise self.unprepared()
        images = [batch.x for batch in batches if len(batch)]
        every = to_float32(torch.cat(images)) if images else torch.empty(0, *model.image_shape)
        if len(every) < 2:
            raise DataError("chains are compared with two images at least", hint="choose another split")
        chosen = every[torch.randperm(len(every), generator=generator)[: self.chains].to(every.device)]
        reference = _Reference(chosen, self._split("train"))
        eye = None if self.features is None else look_through(self.features, model)
        real = None if eye is None else eye(every)
        figures: list[MetricResult] = []
        for step, x in self._seen(model, generator):
            protocol = {"chains": self.chains, "steps": step, "decoding": self.decoding, "compared_with": len(chosen)}
            figures += self._figures(step, x.to(chosen.dtype), reference, protocol)
            if eye is not None and real is not None:
                figures.append(self._fid(step, x, eye, real, protocol))
        return figures

    def _seen(self, model: Model, generator: torch.Generator) -> Iterable[tuple[int, Tensor]]:
        """The numbers of steps that are looked at, and the pictures there."""
        noise = noise_of(model, generator)
        chain = Chain(model, noise, decoding=self.decoding, y=labels_in_turn(model, self.chains))
        pairs = chain.pairs(prior_codes(model, self.chains, noise))
        for step in range(1, self.steps[-1] + 1):
            x = next(pairs).x
            if step in self.steps:
                yield step, x.clamp(0, 1)

    def _figures(self, step: int, x: Tensor, reference: _Reference, protocol: Mapping[str, Any]) -> list[MetricResult]:
        assert self._split is not None
        distance = nearest(x, self._split("train")).distances.median().item()
        values = {
            "variety": nearest_other(x) / reference.variety,
            "spread": spread(x) / reference.spread,
            "distance": distance / reference.distance if reference.distance else float("nan"),
        }
        better = {"variety": "higher"}
        return [
            MetricResult(f"chain-{name}-{step}", value, "of the data's", better.get(name, "report"), None, protocol)
            for name, value in values.items()
        ]

    def _fid(self, step: int, x: Tensor, eye: LookedThrough, real: Tensor, protocol: Mapping[str, Any]) -> MetricResult:
        made = eye(x)
        about = {**protocol, **eye.protocol, "real": len(real)}
        if min(len(made), len(real)) <= made.shape[1]:
            about["warning"] = (
                f"{min(len(made), len(real)):,} images for {made.shape[1]:,} features: the covariance is singular"
            )
        return MetricResult(f"chain-fid-{step}", frechet_distance(real, made), "", "lower", None, about)


class _Reference:
    """What the pictures are compared with, of images (N, C, H, W) of the data.

    Raises:
        DataError: all images are alike.
    """

    def __init__(self, images: Tensor, train: Iterable[Batch]) -> None:
        self.variety, self.spread = nearest_other(images), spread(images)
        self.distance = nearest(images, train).distances.median().item()
        if not self.variety or not self.spread:
            raise DataError("the images to compare with are all alike", hint="choose other data")


def nearest_other(x: Tensor) -> float:
    """The median distance of an image to the nearest other, of images (N, C, H, W)."""
    squares = squared_distances(x.flatten(1), x.flatten(1))
    return squares.fill_diagonal_(torch.inf).amin(1).sqrt().median().item()


def spread(x: Tensor) -> float:
    """The sum of the pixels' standard deviations over images (N, C, H, W)."""
    return float64(x).std(0).sum().item()
