"""LatentObjective: a head tells labels from codes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge
from torch import Tensor

from zoo_basics.layers.logits import check_head
from zoo_core.data import told_apart
from zoo_core.game import Step
from zoo_core.interfaces import Labels, Need, Objective, Part, Term


class LatentObjective(Objective):
    """What the part ``head`` says of codes, held against the labels that the subclass's tags ask for. Encoder and head are trained by
    it; a logit for fakes plays no part.

    Arguments:
        of: the code, a draw (``z``) or the posterior's ``mean``.
        weight: factor of the term.

    Raises:
        IncompatibleError: the data have no such labels, or not as many as the head has logits.
    """

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "head": Need("head")}
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "head": {"losses": ["fit"], "trains": ["encoder", "head"], "lr": 0.001}
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"of": "mean", "weight": 10.0}]

    def __init__(
        self,
        *,
        parts: Mapping[str, Part],
        labels: Labels,
        of: Literal["z", "mean"] = "z",
        weight: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        super().__init__()
        check_head(parts["head"], labels, self.tags.labels)
        self.labels = labels
        self.count = told_apart(parts["head"], labels).count
        self.of, self.weight = of, weight

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """The one term, in nats per label."""
        term = self.term(step.logits("head", self.of)[:, : self.count], step)
        yield term._replace(value=self.weight * term.value)

    @abstractmethod
    def term(self, logits: Tensor, step: Step) -> Term:
        """The term for ``logits`` (N, count), without a logit for fakes, before it is weighted."""
