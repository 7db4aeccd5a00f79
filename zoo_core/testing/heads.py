"""Checks of heads: what they say they can do."""

from __future__ import annotations

from typing import cast

import torch

from zoo_core.data.labels import told_apart
from zoo_core.interfaces import Head
from zoo_core.testing.capabilities import require_shape
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject


def check_head_does_what_it_says(subject: Subject) -> None:
    """It has a logit for each label, or for each of its own ``attributes``, and one more with ``head.fake``; with ``head.linear`` its
    logits move along ``directions``."""
    head = cast(Head, subject.part())
    count = told_apart(head, subject.labels).count
    expected = count + ("head.fake" in head.capabilities)
    if head.outputs != expected:
        raise CheckFailed(
            f"{expected} outputs for {count} labels",
            found=str(head.outputs),
            do="one logit for each of labels.count or of its attributes, and the capability head.fake where there is one more at the end",
        )
    if "head.linear" not in head.capabilities:
        return
    first, second = (subject.inputs(head, 5, start=start)[0] for start in (0, 30))
    with torch.no_grad():
        directions = head.directions()
        require_shape("directions()", directions, (head.outputs, head.latent_dim))
        moved, promised = head.logits(second) - head.logits(first), (second - first) @ directions.T
    if not torch.allclose(moved, promised, rtol=1e-3, atol=1e-4):
        raise CheckFailed("logits that move along directions()", found="others", do="give the slope of forward in z")
