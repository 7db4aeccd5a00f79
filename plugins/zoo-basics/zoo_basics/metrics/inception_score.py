"""InceptionScore: how sure a classifier is of each sample, and how different it finds them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, final

import torch
from annotated_types import Ge
from torch import Tensor, nn

from zoo_basics.metrics.drawn_samples import SamplerSpec
from zoo_basics.metrics.extractor import DEFAULT, Features
from zoo_basics.metrics.sample_metric import SampleMetric
from zoo_core.building import Wanted
from zoo_core.interfaces import Batch, MetricResult

if TYPE_CHECKING:
    from zoo_core.model import Model

_SMALLEST = -700.0
"""Log-probabilities below it are taken as it: e^−700 is the last that float64 tells from 0, and 0 · log 0 is not a number."""


@final
class InceptionScore(SampleMetric):
    """exp E_x KL(p(y | x) ‖ p(y)) for samples x and a classifier's p(y | x) (Salimans et al. 2016, section 4).

    Its mean over groups of samples, each with a p(y) of its own, with the standard deviation over the groups. It lies between
    1 and the number of classes, grows with the size of the groups, says nothing of the data, and does not see a model
    that repeats one picture of each class. Memory holds one group's logits.

    MetricResult: ``inception-score``.

    Arguments:
        features: the classifier, see :data:`zoo_basics.metrics.extractor.Features`.
        layer: of the classifier; None is ``logits``.
        groups: how many.
        group_size: samples in a group; ten groups of 5,000 are the paper's.
        sampler: None is the recipe's.
    """

    wanted: ClassVar[Wanted] = "logits"

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"features": "digit-classifier", "sampler": "prior"}
        return [{**small, "groups": 2, "group_size": 20}, {**small, "groups": 1, "group_size": 10}]

    def __init__(
        self,
        *,
        features: Features = DEFAULT,
        layer: str | None = None,
        groups: Annotated[int, Ge(1)] = 10,
        group_size: Annotated[int, Ge(1)] = 5000,
        sampler: SamplerSpec | None = None,
    ) -> None:
        # No real image is looked at, and so there is nothing to keep.
        super().__init__(features=features, layer=layer, samples=groups * group_size, sampler=sampler, cache=False)
        self.groups = groups
        self.group_size = group_size

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """One figure, ``inception-score``; its standard deviation is None where there is one group only.

        Raises:
            UnknownName, WeightsError, IncompatibleError, SettingError: see
                :meth:`~zoo_basics.metrics.sample_metric.SampleMetric.sample_features`.
            DataError: logits that are not finite.
        """
        samples = self.sample_features(model, generator)
        scores = []
        for group in range(1, self.groups + 1):
            logits = samples.batches(self.group_size, f"samples, group {group} of {self.groups}")
            scores.append(inception_score(torch.cat(list(logits))))
        each = torch.tensor(scores, dtype=torch.float64)
        std = each.std().item() if self.groups > 1 else None
        protocol = {
            **samples.extractor.protocol,
            "samples": self.samples,
            "groups": self.groups,
            "group_size": self.group_size,
            "sampler": samples.sampler,
        }
        return [MetricResult("inception-score", each.mean().item(), "", "higher", std, protocol)]


def inception_score(logits: Tensor) -> float:
    """The score of one group, from its logits (N, classes), in float64."""
    from torchmetrics.image.inception import InceptionScore as Score

    logits = logits.cpu().double()
    logits = (logits - logits.amax(1, keepdim=True)).clamp(min=_SMALLEST)
    # It shuffles before it cuts into groups, of which there is one: always alike, as sums depend on the order in their last
    # bits. And it warns that it keeps its features.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.default_generator.manual_seed(0)
        warnings.simplefilter("ignore")
        score = Score(feature=nn.Identity(), splits=1)
        score.update(logits)
        return float(score.compute()[0])
