"""AttributeBCE: trains a classifier of yes-or-no attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, cast

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from zoo_basics.layers.logits import check_logits
from zoo_core.game.step import Step
from zoo_core.interfaces import Labels, Need, Objective, Part, Tags, Term


class AttributeBCE(Objective):
    """Binary cross-entropy of each attribute under sigmoid(logits) of the part ``classifier``, a mean over the known
    ones.

    Raises:
        SeamError: the data have no attributes, or not as many as the classifier has logits.
    """

    tags: ClassVar[Tags] = Tags(labels="attributes")

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {"classifier": Need("feature-extractor", frozenset({"logits"}))}

    def __init__(self, *, parts: Mapping[str, Part], labels: Labels) -> None:
        super().__init__()
        check_logits(parts["classifier"], labels, "attributes")

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``bce``, in nats per attribute."""
        logits = step.features("classifier")["logits"]
        attributes = cast(Tensor, step.batch.attributes)
        known = (attributes >= 0).to(logits.dtype)
        total = binary_cross_entropy_with_logits(logits, attributes.to(logits.dtype), known, reduction="sum")
        yield Term("bce", total / known.sum().clamp(min=1))
