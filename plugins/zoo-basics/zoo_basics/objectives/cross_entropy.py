"""CrossEntropy: trains a classifier of classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, cast

from annotated_types import Ge, Lt
from torch import Tensor
from torch.nn.functional import cross_entropy

from zoo_basics.layers.logits import check_logits
from zoo_core.game import Step
from zoo_core.interfaces import Labels, Need, Objective, Part, Tags, Term


class CrossEntropy(Objective):
    """−log softmax(logits)_y of the part ``classifier``, a mean over the labelled examples (0 where none is labelled).

    Arguments:
        label_smoothing: ε: the target is 1 − ε on the class and ε spread evenly over all (Szegedy et al. 2016, section
            7).

    Raises:
        IncompatibleError: the data have no classes, or not as many as the classifier has logits.
    """

    tags: ClassVar[Tags] = Tags(labels="classes")

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"label_smoothing": 0.1}]

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {"classifier": Need("feature-extractor", frozenset({"logits"}))}

    def __init__(
        self, *, parts: Mapping[str, Part], labels: Labels, label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0
    ) -> None:
        super().__init__()
        check_logits(parts["classifier"], labels, "classes")
        self.label_smoothing = label_smoothing

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``cross_entropy``, in nats."""
        logits = step.features("classifier")["logits"]
        y = cast(Tensor, step.y)
        total = cross_entropy(logits, y, ignore_index=-1, label_smoothing=self.label_smoothing, reduction="sum")
        yield Term("cross_entropy", total / (y >= 0).sum().clamp(min=1))
