"""Whether a classifier's or a head's logits fit the labels of the data."""

from __future__ import annotations

from typing import Literal, cast

from zoo_core.data import told_apart
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import FeatureExtractor, Head, Labels, Part
from zoo_core.registry import parameters


def check_logits(classifier: Part, labels: Labels, type: Literal["classes", "attributes"]) -> None:
    """Refuse a classifier whose logits are not one for each label of ``type``.

    Raises:
        IncompatibleError: the data have other labels, or another number of them.
    """
    _check_type(labels, type)
    labels = told_apart(classifier, labels)
    logits = cast(FeatureExtractor, classifier).shapes["logits"]
    if tuple(logits) != (labels.count,):
        settable = "classes" in parameters(classifier.__class__)
        raise IncompatibleError(
            f"the classifier gives logits of shape {tuple(logits)} for {labels.count} {type}",
            hint=f"set classifier.classes={labels.count}"
            if settable
            else "choose a classifier with one logit for each, or other data",
            labels=labels,
        )


def check_head(head: Part, labels: Labels, type: Literal["classes", "attributes"]) -> None:
    """Refuse a head whose logits are not one for each label of ``type``, but for one for fakes.

    Raises:
        IncompatibleError: the data have other labels, or another number of them.
    """
    _check_type(labels, type)
    labels = told_apart(head, labels)
    fakes = int("head.fake" in head.capabilities)
    outputs = cast(Head, head).outputs
    if outputs - fakes != labels.count:
        raise IncompatibleError(
            f"the head gives {outputs - fakes} logits for {labels.count} {type}",
            hint="choose a head with one logit for each, or other data",
            labels=labels,
        )


def _check_type(labels: Labels, type: Literal["classes", "attributes"]) -> None:
    if labels.type != type:
        raise IncompatibleError(
            f"this objective needs data with {type}, these have labels of type {labels.type}",
            hint=f"choose data with {type}",
            labels=labels,
        )
