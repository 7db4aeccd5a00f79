"""LatentCrossEntropy: a head tells classes from codes."""

from __future__ import annotations

from typing import ClassVar, cast

from torch import Tensor
from torch.nn.functional import cross_entropy

from zoo_basics.objectives.latent_objective import LatentObjective
from zoo_core.game import Step
from zoo_core.interfaces import Tags, Term


class LatentCrossEntropy(LatentObjective):
    """−log softmax(logits)_y of the part ``head`` on codes, a mean over the labelled examples (0 where none is labelled):
    ``latent_cross_entropy``."""

    tags: ClassVar[Tags] = Tags(labels="classes")

    def term(self, logits: Tensor, step: Step) -> Term:
        y = cast(Tensor, step.y)
        total = cross_entropy(logits, y, ignore_index=-1, reduction="sum")
        return Term("latent_cross_entropy", total / (y >= 0).sum().clamp(min=1))
