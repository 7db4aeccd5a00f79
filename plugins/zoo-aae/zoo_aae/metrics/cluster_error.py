"""ClusterError: how well clusters found without labels agree with classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from zoo_aae.class_names import categories
from zoo_aae.metrics.cluster_labels import ClusterLabels
from zoo_aae.metrics.error_rate import ErrorRate
from zoo_aae.metrics.label_probabilities import classes_of, label_probabilities
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, Metric, MetricResult, Need, SplitName

if TYPE_CHECKING:
    from zoo_core.model import Model


class ClusterError(Metric):
    """The error of clusters as a classifier, by the protocol of Makhzani et al. 2016, section 6 (Table 3).

    The validation example with the largest q(y_i given x) gives its class to all of cluster i; an example's cluster is its
    most probable one. Unlabelled examples are left out, on both splits.

    Figures: ``cluster-error``, in percent; ``cluster-error-majority``, the same where each cluster takes the commonest
    class among its validation examples; ``nmi`` in [0, 1] and ``ari`` in [−0.5, 1], the normalised mutual information
    (arithmetic mean of the entropies) and the adjusted Rand index of clusters and classes, which need no assigned labels;
    ``clusters-used``, how many clusters hold at least one of the measured examples.

    Ties, and clusters that are never used: :class:`zoo_aae.metrics.cluster_labels.ClusterLabels`. A cluster that no
    measured example falls into plays no part in any figure but ``clusters-used``.
    """

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder", frozenset({"posterior.joint"}))}

    def __init__(self) -> None:
        self._labels: ClusterLabels | None = None

    def prepare(self, model: Model, split: Callable[[SplitName], Iterable[Batch]], generator: torch.Generator) -> None:
        """Choose the clusters' classes on ``validation``.

        Raises:
            IncompatibleError: the data have no classes.
            DataError: no validation example is labelled.
        """
        labels = ClusterLabels(categories(model), model.device)
        for x, y in _labelled(split("validation")):
            labels.add(label_probabilities(model, x), y)
        if not labels.count:
            raise DataError(
                "cluster-error takes the clusters' classes from validation, and no example there is labelled",
                hint="name labelled data: --data mnist",
            )
        self._labels = labels

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The five figures over the labelled examples of ``batches``.

        Raises:
            IncompatibleError: not prepared, or the data have no classes.
            DataError: no example is labelled.
        """
        from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

        if self._labels is None:
            raise self.unprepared()
        most_probable, majority = ErrorRate(), ErrorRate()
        of_cluster, by_majority = self._labels.most_probable, self._labels.majority
        clusters, classes = [], []
        for x, y in _labelled(batches):
            cluster = label_probabilities(model, x).argmax(1)
            most_probable.add(of_cluster[cluster] != y)
            majority.add(by_majority[cluster] != y)
            clusters += cluster.tolist()
            classes += y.tolist()
        about = {"examples": most_probable.count, "clusters": self._labels.clusters}
        chosen = {**about, "chosen_on": "validation", "chosen_from": self._labels.count}
        return [
            MetricResult("cluster-error", most_probable.percent, "%", "lower", most_probable.standard_error, chosen),
            MetricResult("cluster-error-majority", majority.percent, "%", "lower", majority.standard_error, chosen),
            MetricResult("nmi", float(normalized_mutual_info_score(classes, clusters)), "", "higher", None, about),
            MetricResult("ari", float(adjusted_rand_score(classes, clusters)), "", "higher", None, about),
            MetricResult("clusters-used", float(len(set(clusters))), "clusters", "report", None, about),
        ]


def _labelled(batches: Iterable[Batch]) -> Iterable[tuple[Tensor, Tensor]]:
    """Images and classes of the labelled examples; batches without any are passed over."""
    for batch in batches:
        y = classes_of(batch, "cluster-error")
        if (known := y >= 0).any():
            yield batch.x[known], y[known]
