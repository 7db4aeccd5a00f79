"""Two-sample tests by classifiers: can it be told which of two sets a point comes from?"""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

ClassifierName = Literal["mlp", "knn"]

FEWEST = 20
"""Points of each set that are needed: the MLP stops early on a tenth of half of both, which has to hold one of each."""


class HeldOutAccuracy(NamedTuple):
    """Percent of held-out points that a classifier puts into the set they come from, and its standard error."""

    percent: float
    standard_error: float


def two_sample_accuracy(classifier: ClassifierName, a: Tensor, b: Tensor, seed: int) -> HeldOutAccuracy:
    """How well ``classifier`` tells points of a (N, D) from points of b (N, D), N at least :data:`FEWEST`.

    The front half of each set fits it, the other half measures it; coordinates are standardised by the first half. 50 % is
    what guessing gets: the two look alike (Lopez-Paz and Oquab 2017).

    Arguments:
        classifier: ``mlp``, two hidden layers of 256 units, stopped early on a tenth of what it is fitted to; ``knn``, 5
            nearest neighbours.
        seed: of the MLP's first weights and batches.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.preprocessing import StandardScaler

    half = len(a) // 2
    fit, test = torch.cat([a[:half], b[:half]]).double().numpy(), torch.cat([a[half:], b[half:]]).double().numpy()
    fit_side = torch.arange(2).repeat_interleave(half).numpy()
    test_side = torch.arange(2).repeat_interleave(len(a) - half).numpy()
    scaler = StandardScaler().fit(fit)
    model = _classifier(classifier, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # early stopping keeps the best weights in any case
        model.fit(scaler.transform(fit), fit_side)
    share = float(model.score(scaler.transform(test), test_side))
    return HeldOutAccuracy(100 * share, 100 * math.sqrt(share * (1 - share) / len(test)))


def _classifier(name: ClassifierName, seed: int) -> Any:
    if name == "knn":
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(n_neighbors=5)
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(hidden_layer_sizes=(256, 256), early_stopping=True, random_state=seed)
