"""ClassificationError: how often q(y given x) is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from zoo_aae.class_names import categories
from zoo_aae.metrics.error_rate import ErrorRate
from zoo_aae.metrics.label_probabilities import classes_of, label_probabilities
from zoo_core.data import refuse_unlike
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Batch, Metric, MetricResult, Need, Tags

if TYPE_CHECKING:
    from zoo_core.model import Model


class ClassificationError(Metric):
    """The percentage of labelled examples whose class is not the most probable under q(y given x).

    For models whose joint code starts with one category for each class, as a semi-supervised adversarial autoencoder's
    does (Makhzani et al. 2016, section 5, Table 2). Unlabelled examples are left out.
    """

    tags = Tags(labels="classes")

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder", frozenset({"posterior.joint"}))}

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """One figure, ``classification-error``, in percent, with its standard error over examples.

        Raises:
            IncompatibleError: there are more or fewer categories than classes, or the data have no classes.
            DataError: the data have other classes than the model, or no example is labelled.
        """
        if categories(model) != model.labels.count:
            raise IncompatibleError(
                f"classification-error takes category k for class k, and q(y given x) has {categories(model)} categories "
                f"for {model.labels.count} classes",
                hint="categories that are clusters are measured by --metric cluster-error",
            )
        errors = ErrorRate()
        for batch in batches:
            refuse_unlike(batch, model.labels)
            y = classes_of(batch, "classification-error")
            known = y >= 0
            if known.any():
                errors.add(label_probabilities(model, batch.x[known]).argmax(1) != y[known])
        protocol = {"examples": errors.count}
        return [MetricResult("classification-error", errors.percent, "%", "lower", errors.standard_error, protocol)]
