"""LatentCrossEntropy: a head tells classes from codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, cast

from torch import Tensor
from torch.nn.functional import cross_entropy

from zoo_basics.layers.logits import check_head
from zoo_core.game.step import Step
from zoo_core.interfaces import Labels, Need, Objective, Part, Tags, Term


class LatentCrossEntropy(Objective):
    """−log softmax(logits)_y of the part ``head`` on codes, a mean over the labelled examples (0 where none is labelled). Encoder
    and head are trained by it; a logit for fakes plays no part.

    Arguments:
        of: the code, a draw (``z``) or the posterior's ``mean``.

    Raises:
        SeamError: the data have no classes, or not as many as the head has logits.
    """

    tags: ClassVar[Tags] = Tags(labels="classes")

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"of": "mean"}]

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "head": Need("head")}
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "head": {"losses": ["fit"], "trains": ["encoder", "head"], "lr": 0.001}}

    def __init__(self, *, parts: Mapping[str, Part], labels: Labels, of: Literal["z", "mean"] = "z") -> None:
        super().__init__()
        check_head(parts["head"], labels, "classes")
        self.count = labels.count
        self.of = of

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``latent_cross_entropy``, in nats."""
        logits = step.logits("head", self.of)[:, : self.count]
        y = cast(Tensor, step.y)
        total = cross_entropy(logits, y, ignore_index=-1, reduction="sum")
        yield Term("latent_cross_entropy", total / (y >= 0).sum().clamp(min=1))
