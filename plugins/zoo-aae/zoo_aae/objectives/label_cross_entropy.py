"""LabelCrossEntropy: teaches q(y given x) the known labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, cast

from annotated_types import Ge
from torch.nn.functional import cross_entropy

from zoo_core.distributions import Joint, Label
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import Encoder, Labels, Need, Objective, Part, Tags, Term


class LabelCrossEntropy(Objective):
    """−log q(y given x) of a joint code's label, a mean over the labelled examples (0 where none is labelled): the semi-supervised
    phase (section 5). It is played on the stream of labelled examples.

    Arguments:
        weight: factor of the term.

    Raises:
        IncompatibleError: the label of the code has another number of categories than the data have classes.
    """

    tags: ClassVar[Tags] = Tags(labels="classes")

    losses: ClassVar[tuple[str, ...]] = ("supervise",)
    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder", frozenset({"posterior.joint"}))}
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "supervisor": {"trains": ["encoder"], "losses": ["supervise"], "stream": "labelled", "lr": 1e-3}
    }

    def __init__(self, *, parts: Mapping[str, Part], labels: Labels, weight: Annotated[float, Ge(0)] = 1.0) -> None:
        super().__init__()
        categories = cast(Encoder, parts["encoder"]).family.categories
        if categories != labels.count:
            raise IncompatibleError(
                f"the data have {labels.count} classes, the label of the encoder's code {categories} categories",
                hint=f"set categories={labels.count}, or encoder.categories and prior.categories",
            )
        self.weight = weight

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``label``, in nats."""
        label = cast(Label, cast(Joint, step.posterior()).latents["y"])
        if step.y is None:
            raise IncompatibleError(
                "label-cross-entropy was given examples without labels", hint="choose data with classes"
            )
        total = cross_entropy(label.logits, step.y, ignore_index=-1, reduction="sum")
        yield Term("label", self.weight * total / (step.y >= 0).sum().clamp(min=1))
