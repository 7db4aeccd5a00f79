"""LatentAttributeBCE: a head tells attributes from codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, cast

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from zoo_basics.layers.logits import check_head
from zoo_core.game.step import Step
from zoo_core.interfaces import Labels, Need, Objective, Part, Tags, Term


class LatentAttributeBCE(Objective):
    """Binary cross-entropy of each attribute under sigmoid(logits) of the part ``head`` on codes, a mean over the known ones.
    Encoder and head are trained by it; a logit for fakes plays no part.

    Arguments:
        of: the code, a draw (``z``) or the posterior's ``mean``.

    Raises:
        SeamError: the data have no attributes, or not as many as the head has logits.
    """

    tags: ClassVar[Tags] = Tags(labels="attributes")

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"of": "mean"}]

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "head": Need("head")}
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "head": {"losses": ["fit"], "trains": ["encoder", "head"], "lr": 0.001}}

    def __init__(self, *, parts: Mapping[str, Part], labels: Labels, of: Literal["z", "mean"] = "z") -> None:
        super().__init__()
        check_head(parts["head"], labels, "attributes")
        self.count = labels.count
        self.of = of

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``latent_bce``, in nats per attribute."""
        logits = step.logits("head", self.of)[:, : self.count]
        attributes = cast(Tensor, step.batch.attributes)
        known = (attributes >= 0).to(logits.dtype)
        total = binary_cross_entropy_with_logits(logits, attributes.to(logits.dtype), known, reduction="sum")
        yield Term("latent_bce", total / known.sum().clamp(min=1))
