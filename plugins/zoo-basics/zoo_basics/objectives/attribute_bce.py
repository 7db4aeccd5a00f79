"""AttributeBCE: trains a classifier of yes-or-no attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, TypeAlias

from annotated_types import Gt
from torch.nn.functional import binary_cross_entropy_with_logits

from zoo_basics.layers.logits import check_logits
from zoo_core.data import attributes_for, told_apart
from zoo_core.errors import SettingError
from zoo_core.game import Step
from zoo_core.interfaces import Labels, Need, Objective, Part, Tags, Term

Positive: TypeAlias = Annotated[float, Gt(0)]


class AttributeBCE(Objective):
    """Binary cross-entropy of each attribute under sigmoid(logits) of the part ``classifier``, a mean over the known
    ones.

    Arguments:
        pos_weight: how much more an attribute that is there weighs than one that is not: one number for all, or one of each
            attribute, in the order of the logits. The number of negatives over that of positives balances a rare one.

    Raises:
        IncompatibleError: the data have no attributes, or not as many as the classifier has logits.
        SettingError: ``pos_weight`` for another number of attributes.
    """

    tags: ClassVar[Tags] = Tags(labels="attributes")

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {"classifier": Need("feature-extractor", frozenset({"logits"}))}

    def __init__(
        self, *, parts: Mapping[str, Part], labels: Labels, pos_weight: Positive | tuple[Positive, ...] = 1.0
    ) -> None:
        super().__init__()
        check_logits(parts["classifier"], labels, "attributes")
        self._labels = labels
        count = told_apart(parts["classifier"], labels).count
        weights = pos_weight if isinstance(pos_weight, tuple) else (pos_weight,) * count
        if len(weights) != count:
            raise SettingError(
                f"pos_weight has {len(weights)} numbers, there are {count} attributes",
                hint="give one number for all, or one of each",
            )
        self._pos_weight: tuple[float, ...] | None = None if all(weight == 1 for weight in weights) else tuple(weights)

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``bce``, in nats per attribute."""
        logits = step.features("classifier")["logits"]
        attributes = attributes_for(step.batch, step.part("classifier"), self._labels)
        known = (attributes >= 0).to(logits.dtype)
        weights = None if self._pos_weight is None else logits.new_tensor(self._pos_weight)
        total = binary_cross_entropy_with_logits(
            logits, attributes.to(logits.dtype), known, reduction="sum", pos_weight=weights
        )
        yield Term("bce", total / known.sum().clamp(min=1))
