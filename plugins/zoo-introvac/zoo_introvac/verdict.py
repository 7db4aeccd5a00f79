"""What a head with a logit for fakes says of codes, as losses: a sigmoid each for attributes, one softmax for classes."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, softplus

from zoo_core.data import attributes_for
from zoo_core.game import Step
from zoo_core.interfaces import Labels


def fake_log_odds(logits: Tensor, told: Labels) -> Tensor:
    """log C_fake − log(1 − C_fake), (N,), of ``logits`` (N, K + 1) whose last one is the fakes'."""
    fake = logits[:, -1]
    return fake - torch.logsumexp(logits[:, :-1], dim=1) if told.type == "classes" else fake


def fake_loss(logits: Tensor, told: Labels) -> Tensor:
    """−log C_fake, a mean over the batch."""
    return softplus(-fake_log_odds(logits, told)).mean()


def real_loss(logits: Tensor, told: Labels) -> Tensor:
    """−log(1 − C_fake), a mean over the batch."""
    return softplus(fake_log_odds(logits, told)).mean()


def class_loss(logits: Tensor, told: Labels, step: Step, labels: Labels) -> Tensor:
    """The batch's labels under the other logits, a mean over the known ones.

    Of classes it is −log p(y given z, real): with :func:`real_loss` it adds up to the cross-entropy of all K + 1 logits.

    Arguments:
        told: what the logits stand for.
        labels: the model's, in whose order the batch is.
    """
    logits = logits[:, :-1]
    if told.type == "classes":
        y = cast(Tensor, step.y)
        return cross_entropy(logits, y, ignore_index=-1, reduction="sum") / (y >= 0).sum().clamp(min=1)
    attributes = attributes_for(step.batch, step.part("head"), labels)
    known = (attributes >= 0).to(logits.dtype)
    total = binary_cross_entropy_with_logits(logits, attributes.to(logits.dtype), known, reduction="sum")
    return total / known.sum().clamp(min=1)
