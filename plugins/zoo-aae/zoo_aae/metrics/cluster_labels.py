"""ClusterLabels: a class for each cluster, chosen from labelled examples."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.devices import float64


class ClusterLabels:
    """Takes in labelled examples in batches, and names a class for each cluster by two rules.

    Arguments:
        clusters: K.
    """

    def __init__(self, clusters: int, device: torch.device | str = "cpu") -> None:
        self.clusters = clusters
        self.count = 0
        self._doubt = float64(torch.full((clusters,), torch.inf, device=device))
        self._most_probable = torch.full((clusters,), -1, device=device)
        self._assigned: list[Tensor] = []
        self._classes: list[Tensor] = []

    def add(self, probabilities: Tensor, y: Tensor) -> None:
        """Take in q(y given x), (N, K) with rows that sum to 1, and the examples' classes y, int64 (N,), all known."""
        if not len(y):
            return
        self.count += len(y)
        # The largest q(y_i) is the smallest sum of the other probabilities, which still tells examples apart that a sure
        # network gives a q(y_i) of 1 after rounding.
        exact = float64(probabilities)
        others = 1 - torch.eye(self.clusters, device=exact.device, dtype=exact.dtype)
        doubt, first = (exact @ others).min(dim=0)
        surer = doubt < self._doubt
        self._doubt = torch.where(surer, doubt, self._doubt)
        self._most_probable = torch.where(surer.to(y.device), y[first.to(y.device)], self._most_probable)
        self._assigned.append(probabilities.argmax(1))
        self._classes.append(y)

    @property
    def most_probable(self) -> Tensor:
        """For each cluster the class of the example with the largest probability of it, int64 (K,).

        Makhzani et al. 2016, section 6. Of equally probable examples the first counts. A cluster that is nobody's most
        probable one gets a class all the same.
        """
        return self._most_probable

    @property
    def majority(self) -> Tensor:
        """For each cluster the commonest class among the examples whose most probable cluster it is, int64 (K,).

        Of equally common classes the smallest counts. A cluster without examples takes its class from
        :attr:`most_probable`.
        """
        labels = self._most_probable.clone()
        assigned, classes = torch.cat(self._assigned), torch.cat(self._classes)
        for cluster in assigned.unique().tolist():
            labels[cluster] = classes[assigned == cluster].bincount().argmax()
        return labels
