"""Accuracy: how often the classifier is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, cast, final

import torch

from zoo_basics.metrics.mean import StreamingMean
from zoo_core.data import refuse_unlike
from zoo_core.errors import SeamError
from zoo_core.interfaces import Batch, FeatureExtractor, Figure, Metric, Need
from zoo_core.labels import attributes_for, told_apart

if TYPE_CHECKING:
    from zoo_core.model import Model


@final
class Accuracy(Metric):
    """The fraction of labelled examples that the part ``classifier`` gets right.

    With classes: the largest logit is the class's. With attributes: the sign of each logit, averaged over the known
    examples of an attribute and then over the attributes.
    """

    needs: ClassVar[Mapping[str, Need]] = {"classifier": Need("feature-extractor", frozenset({"logits"}))}

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[Figure]:
        """One figure, ``accuracy``, over all of ``batches``.

        Raises:
            SeamError: a batch has neither classes nor attributes.
            DataError: the data have other labels than the model, or no example is labelled.
        """
        classifier = cast(FeatureExtractor, model.parts["classifier"])
        of_attributes = model.labels.type == "attributes"
        columns = [StreamingMean() for _ in range(told_apart(classifier, model.labels).count if of_attributes else 1)]
        for batch in batches:
            refuse_unlike(batch, model.labels)
            if (batch.attributes if of_attributes else batch.y) is None:
                raise SeamError(f"accuracy needs data with labels, and these have none of type {model.labels.type}",
                                hint="choose the data that the classifier was built for")
            truth = attributes_for(batch, classifier, model.labels) if of_attributes else cast(torch.Tensor, batch.y)
            logits = classifier.features(batch.x)["logits"]
            guess = (logits > 0).to(truth.dtype) if of_attributes else logits.argmax(1)
            right, known = (guess == truth).view(len(truth), -1), (truth >= 0).view(len(truth), -1)
            for column, mean in enumerate(columns):
                mean.add(right[known[:, column], column])
        return [_figure([mean for mean in columns if mean.count] or columns)]


def _figure(columns: list[StreamingMean]) -> Figure:
    value = sum(mean.value for mean in columns) / len(columns)
    error = columns[0].error if len(columns) == 1 else None
    protocol = {"examples": max(mean.count for mean in columns), "labels": len(columns)}
    return Figure("accuracy", value, "fraction", "higher", error, protocol)
