"""Accuracy: how often the classifier is right, on the whole and about single classes or attributes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, cast, final

import torch
from torch import Tensor

from zoo_basics.metrics.mean import StreamingMean
from zoo_core.data import attributes_for, listed, logit_places, refuse_unlike, told_apart
from zoo_core.errors import IncompatibleError, SettingError, did_you_mean, shown
from zoo_core.interfaces import Batch, FeatureExtractor, Labels, Metric, MetricResult, Need

if TYPE_CHECKING:
    from zoo_core.model import Model

Names: TypeAlias = tuple[str, ...] | Literal["all"]


@final
class Accuracy(Metric):
    """The fraction of labelled examples that the part ``classifier`` gets right.

    With classes: the largest logit is the class's. With attributes: the sign of each logit, averaged over the known
    examples of an attribute and then over the attributes. A classifier that knows what its logits stand for (one with published
    weights) is asked for the model's labels by name, and may know others besides.

    Figures: ``accuracy``; of each name that is asked for also ``accuracy/NAME``, ``recall/NAME`` (of the examples that are it, the share
    taken for it; the true positive rate), ``specificity/NAME`` (of the others, the share not taken for it; the true negative rate), and
    ``balanced-accuracy/NAME``, the mean of these two. A rate over no example is left out. A class is told from all others.

    Arguments:
        attributes: names of attributes to report one by one, or ``"all"``.
        classes: the same for classes.

    Raises:
        SettingError: the model has no attribute or class of that name.
    """

    needs: ClassVar[Mapping[str, Need]] = {"classifier": Need("feature-extractor", frozenset({"logits"}))}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}]

    def __init__(self, *, attributes: Names = (), classes: Names = ()) -> None:
        self.names: dict[str, Names] = {"attributes": attributes, "classes": classes}

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """``accuracy`` and the figures by name over all of ``batches``.

        Raises:
            IncompatibleError: a batch has neither classes nor attributes, or the classifier was trained with others than the model's.
            DataError: the data have other labels than the model, or no example is labelled.
            SettingError: there is no class or attribute of a name that is asked for.
        """
        classifier = cast(FeatureExtractor, model.parts["classifier"])
        of_attributes = model.labels.type == "attributes"
        labels = told_apart(classifier, model.labels) if of_attributes else model.labels
        chosen = self._chosen(labels)
        places: list[int] | None = None
        columns = [StreamingMean() for _ in range(labels.count if of_attributes else 1)]
        rates = {name: _Rates(name) for name in chosen}
        for batch in batches:
            refuse_unlike(batch, model.labels)
            if (batch.attributes if of_attributes else batch.y) is None:
                raise IncompatibleError(
                    f"accuracy needs data with labels, and these have none of type {model.labels.type}",
                    hint="choose the data that the classifier was built for",
                )
            truth = attributes_for(batch, classifier, model.labels) if of_attributes else cast(torch.Tensor, batch.y)
            logits = classifier.features(batch.x)["logits"]
            if places is None:
                # One that is trained with the model says what the model's labels are, whatever its first weights were published for.
                trained = any(weight.requires_grad for weight in classifier.parameters())
                own = Labels() if trained or classifier.attributes else classifier.labels
                places = list(logit_places(own, logits.shape[1], labels, "the classifier"))
            logits = logits[:, places]
            guess = (logits > 0).to(truth.dtype) if of_attributes else logits.argmax(1)
            right, known = (guess == truth).view(len(truth), -1), (truth >= 0).view(len(truth), -1)
            for column, mean in enumerate(columns):
                mean.add(right[known[:, column], column])
            for name, number in chosen.items():
                if model.labels.type == "attributes":
                    rates[name].add(guess[:, number], truth[:, number], known[:, number])
                else:
                    rates[name].add(guess == number, truth == number, known[:, 0])
        figures = [_figure([mean for mean in columns if mean.count] or columns)]
        return figures + [figure for name in chosen for figure in rates[name].figures()]

    def _chosen(self, labels: Labels) -> dict[str, int]:
        """The asked names, with their numbers among the model's labels."""
        for type, names in self.names.items():
            if names and type != labels.type:
                has = f"the model has {labels.type}" if labels.count else "the model has no labels"
                raise SettingError(
                    f"accuracy.{type}: {has}, and no {type}",
                    hint=f"ask for accuracy.{labels.type}" if labels.count else "measure a model with labels",
                )
        asked = self.names.get(labels.type, ())
        number = {name: i for i, name in enumerate(labels.names)}
        if asked == "all":
            return number
        for name in asked:
            if name not in number:
                raise SettingError(
                    f"accuracy.{labels.type}: the model has no {shown(name)!r}",
                    hint=did_you_mean(name, labels.names) or f"it has {listed(labels.names)}",
                )
        return {name: number[name] for name in asked}


def _figure(columns: list[StreamingMean]) -> MetricResult:
    value = sum(mean.value for mean in columns) / len(columns)
    error = columns[0].error if len(columns) == 1 else None
    protocol = {"examples": max(mean.count for mean in columns), "labels": len(columns)}
    return MetricResult("accuracy", value, "fraction", "higher", error, protocol)


@final
class _Rates:
    """How often the classifier is right about one class or attribute: of those that are it, and of the others."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._whole, self._positive, self._negative = StreamingMean(), StreamingMean(), StreamingMean()

    def add(self, guess: Tensor, truth: Tensor, known: Tensor) -> None:
        """What was said of examples and what is so, 0 or 1 (N,), where ``known``."""
        guess, truth = guess[known].bool(), truth[known].bool()
        right = guess == truth
        self._whole.add(right)
        self._positive.add(right[truth])
        self._negative.add(right[~truth])

    def figures(self) -> list[MetricResult]:
        """The figures that there are examples for."""
        found = {"accuracy": self._whole, "recall": self._positive, "specificity": self._negative}
        protocol = {"examples": self._whole.count, "positives": self._positive.count}
        made = [
            MetricResult(f"{what}/{self._name}", mean.value, "fraction", "higher", mean.error, protocol)
            for what, mean in found.items()
            if mean.count
        ]
        if self._positive.count and self._negative.count:
            errors = (self._positive.error, self._negative.error)
            error = None if None in errors else math.hypot(*cast("tuple[float, float]", errors)) / 2
            value = (self._positive.value + self._negative.value) / 2
            made.append(MetricResult(f"balanced-accuracy/{self._name}", value, "fraction", "higher", error, protocol))
        return made
