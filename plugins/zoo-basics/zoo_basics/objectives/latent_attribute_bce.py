"""LatentAttributeBCE: a head tells attributes from codes."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from zoo_basics.objectives.latent_objective import LatentObjective
from zoo_core.data import attributes_for
from zoo_core.game import Step
from zoo_core.interfaces import Tags, Term


class LatentAttributeBCE(LatentObjective):
    """Binary cross-entropy of each attribute under sigmoid(logits) of the part ``head`` on codes, a mean over the known ones:
    ``latent_bce``. Those of the head's own ``attributes`` where it has some."""

    tags: ClassVar[Tags] = Tags(labels="attributes")

    def term(self, logits: Tensor, step: Step) -> Term:
        attributes = attributes_for(step.batch, step.part("head"), self.labels)
        known = (attributes >= 0).to(logits.dtype)
        total = binary_cross_entropy_with_logits(logits, attributes.to(logits.dtype), known, reduction="sum")
        return Term("latent_bce", total / known.sum().clamp(min=1))
