"""Whether a classifier's logits fit the labels of the data."""

from __future__ import annotations

from typing import Literal, cast

from zoo_core.errors import SeamError
from zoo_core.interfaces import FeatureExtractor, Labels, Part


def check_logits(classifier: Part, labels: Labels, type: Literal["classes", "attributes"]) -> None:
    """Refuse a classifier whose logits are not one for each label of ``type``.

    Raises:
        SeamError: the data have other labels, or another number of them.
    """
    if labels.type != type:
        raise SeamError(f"this objective needs data with {type}, these have labels of type {labels.type}",
                        hint=f"choose data with {type}", labels=labels)
    logits = cast(FeatureExtractor, classifier).shapes["logits"]
    if tuple(logits) != (labels.count,):
        raise SeamError(f"the classifier gives logits of shape {tuple(logits)}, the data have {labels.count} {type}",
                        hint="choose a classifier with one logit for each, or other data", labels=labels)
