"""HeadDistance: keeps cluster heads apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge, Gt
from torch.nn.functional import relu

from zoo_aae.cluster_heads import ClusterHeadDecoder
from zoo_core.game import Step
from zoo_core.interfaces import Need, Objective, Term


class HeadDistance(Objective):
    """Σ over pairs of heads of max(0, threshold − ‖w_i − w_j‖), the penalty of section 7: nothing for pairs that are farther apart
    than the threshold η, linear in the distance of those that are nearer.

    Arguments:
        threshold: η.
        weight: factor of the term.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"threshold": 30.0}]

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {"decoder": Need("decoder", frozenset({"decoder.learned-heads"}))}

    def __init__(self, *, threshold: Annotated[float, Gt(0)] = 5.0, weight: Annotated[float, Ge(0)] = 1.0) -> None:
        super().__init__()
        self.threshold = threshold
        self.weight = weight

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``heads``."""
        heads = cast(ClusterHeadDecoder, step.part("decoder")).heads
        yield Term("heads", self.weight * relu(self.threshold - torch.pdist(heads)).sum())
