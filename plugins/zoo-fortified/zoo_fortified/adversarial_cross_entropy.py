"""AdversarialCrossEntropy: trains a classifier on attacked images, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, cast

from annotated_types import Ge, Le, Lt
from torch import Tensor
from torch.nn.functional import cross_entropy

from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import FeatureExtractor, Labels, Need, Objective, Part, Tags, Term
from zoo_fortified.attacked import attacked


class AdversarialCrossEntropy(Objective):
    """L_c(ỹ): −log softmax(logits)_y of the part ``classifier`` at images that the part ``attack`` has moved, a mean over the labelled
    examples (Goodfellow et al. 2015; Lamb 2018, section 2.5). It adds to ``cross-entropy``, which sees the images as they are.

    Clean and attacked images go through the net in separate forwards, so that batch norm sees one at a time.

    Arguments:
        weight: of the term. The thesis adds both losses; their authors' code takes half of each, which differs from that in the scale
            of the learning rate and of the reconstruction terms alone.
        label_smoothing: as in ``cross-entropy``.

    Raises:
        IncompatibleError: the classifier has not as many logits as the data have classes.
    """

    tags: ClassVar[Tags] = Tags(labels="classes", adversarial=True)
    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {
        "classifier": Need("feature-extractor", frozenset({"logits"})),
        "attack": Need("attack"),
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"weight": 0.5, "label_smoothing": 0.1}]

    def __init__(
        self,
        *,
        parts: Mapping[str, Part],
        labels: Labels,
        weight: Annotated[float, Ge(0), Le(1000)] = 1.0,
        label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        super().__init__()
        outputs = cast(FeatureExtractor, parts["classifier"]).shapes["logits"][-1]
        if outputs != labels.count:
            raise IncompatibleError(
                f"the classifier has {outputs} logits, the data have {labels.count} classes",
                hint=f"classifier.classes={labels.count}",
            )
        self.weight, self.label_smoothing = weight, label_smoothing

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``adversarial_cross_entropy``, in nats."""
        logits = step.features("classifier", of=attacked(step))["logits"]
        y = cast(Tensor, step.y)
        total = cross_entropy(logits, y, ignore_index=-1, label_smoothing=self.label_smoothing, reduction="sum")
        yield Term("adversarial_cross_entropy", self.weight * total / (y >= 0).sum().clamp(min=1))
