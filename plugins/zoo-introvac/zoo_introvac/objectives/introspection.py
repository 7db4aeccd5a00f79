"""Introspection: the classifier of codes tells data from what the decoder makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, cast

from annotated_types import Ge, Lt
from torch import Tensor

from zoo_core.data import told_apart
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import Head, Labels, Need, Objective, Part, Tags, Term
from zoo_introvac.verdict import class_loss, fake_loss, real_loss

HEAD = "head"
CODES = "introspection:codes"


class Introspection(Objective):
    """The adversarial game of IntroVAC (Maggipinto, Terzi and Susto 2020, section 3.1): one more logit of the linear classifier of codes is
    large for what the decoder has made. Encoder and classifier learn to tell (loss ``fit``), the decoder that they cannot, and that its
    reconstructions keep their labels (loss ``fool``).

    Added to ``reconstruction``, ``divergence`` and ``latent-attribute-bce`` or ``latent-cross-entropy`` it is Algorithm 1: encoder and
    classifier step after ``fit``; then the decoder steps with what ``fit`` has left it and with the gradient of ``fool``, in which
    encoder and classifier are those after their step and the reconstructions are of the codes before it.

    With attributes each logit is a sigmoid of its own. With classes all are one softmax, in which not real is one more class. Data without
    labels have the one logit alone.

    Arguments:
        encoder_weight: β_{E,C}, of L_{E,C} (Eqs. 6 and 7).
        decoder_weight: β_G, of L_G (Eqs. 6 and 7).
        data_weight: of −log(1 − C_fake) of the data's codes, the part of the classification of data that is about the new logit. Without it
            nothing says what real is.
        start: the part of the training, from 0 to 1, before which there is no game, only the term ``real``.
        of: the code of made images that is classified: the posterior's ``mean``, or a draw (``z``).
        statistics: which images move the encoder's running statistics: ``all`` that it sees, or the ``data`` alone. In training every
            source is normalised by itself in either case.

    Raises:
        IncompatibleError: the head has not one logit for each label and one for what is not real.
    """

    tags: ClassVar[Tags] = Tags(adversarial=True)
    losses: ClassVar[tuple[str, ...]] = ("fit", "fool")
    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder"),
        "decoder": Need("decoder"),
        "prior": Need("prior"),
        HEAD: Need("head", frozenset({"head.fake"})),
    }
    retained_values: ClassVar[frozenset[str]] = frozenset({CODES})
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "inference": {"trains": ["encoder", HEAD], "losses": ["fit"], "lr": 2e-4},
        "generator": {"trains": ["decoder"], "losses": ["fool"], "lr": 2e-4},
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"labels": "attributes", "of": "z"}, {"statistics": "data", "encoder_weight": 0.1}]

    def __init__(
        self,
        *,
        parts: Mapping[str, Part],
        labels: Labels,
        encoder_weight: Annotated[float, Ge(0)] = 0.01,
        decoder_weight: Annotated[float, Ge(0)] = 5.0,
        data_weight: Annotated[float, Ge(0)] = 10.0,
        start: Annotated[float, Ge(0), Lt(1)] = 0.0,
        of: Literal["mean", "z"] = "mean",
        statistics: Literal["all", "data"] = "all",
    ) -> None:
        super().__init__()
        head = cast(Head, parts[HEAD])
        self.labels = labels
        self.told = told_apart(head, labels)
        if head.outputs != self.told.count + 1:
            raise IncompatibleError(
                f"the head gives {head.outputs} logits for {self.told.count} labels and one for what is not real",
                hint="choose a head with one logit for each label and head.fake=true",
                labels=labels,
            )
        self.encoder_weight, self.decoder_weight, self.data_weight = encoder_weight, decoder_weight, data_weight
        self.start, self.of, self.statistics = start, of, statistics

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """On ``fit``: ``real``, ``fake_reconstruction`` and ``fake_generated``. On ``fool``: ``class`` where there are labels,
        ``reconstruction`` and ``generated``."""
        if loss == "fit":
            yield Term("real", self.data_weight * real_loss(step.logits(HEAD), self.told))
        if step.progress < self.start:
            return
        yield from self._told_apart(step) if loss == "fit" else self._taken_for_real(step)

    def _told_apart(self, step: Step) -> Iterator[Term]:
        """L_{E,C}: what is made is a constant here."""
        step.value(CODES, lambda: step.z().detach())
        made = {"reconstruction": step.reconstruction(), "generated": step.generated()}
        for name, x in made.items():
            logits = self._verdict(step, f"told:{name}", x.detach())
            yield Term(f"fake_{name}", self.encoder_weight * fake_loss(logits, self.told))

    def _taken_for_real(self, step: Step) -> Iterator[Term]:
        """L_G, in the decoder alone."""
        decoder = frozenset({"decoder"})
        codes = self._codes_of_fit(step)
        reconstruction = step.value("introspection:reconstruction", lambda: step.decode(codes).mean)
        logits = self._verdict(step, "fool:reconstruction", reconstruction)
        if _labelled(self.told, step):
            yield Term("class", self.decoder_weight * class_loss(logits, self.told, step, self.labels), decoder)
        yield Term("reconstruction", self.decoder_weight * real_loss(logits, self.told), decoder)
        logits = self._verdict(step, "fool:generated", step.generated())
        yield Term("generated", self.decoder_weight * real_loss(logits, self.told), decoder)

    def _codes_of_fit(self, step: Step) -> Tensor:
        """dt(Z_r): the codes that ``fit`` reconstructed; on a batch of which it saw nothing, the encoder's codes as it is."""
        try:
            return cast(Tensor, step.as_of_loss("fit", CODES))
        except LookupError:
            return step.z().detach()

    def _verdict(self, step: Step, name: str, x: Tensor) -> Tensor:
        """The head's logits for the codes of made images ``x``."""

        def seen() -> Tensor:
            posterior = step.infer(x)
            code = posterior.mean if self.of == "mean" else posterior.rsample(step.noise, f"introspection:{name}")
            return cast(Head, step.part(HEAD)).logits(code)

        return step.isolated(seen) if self.statistics == "data" else seen()


def _labelled(told: Labels, step: Step) -> bool:
    """Whether the batch says anything of what the head tells."""
    match told.type:
        case "attributes":
            return step.batch.attributes is not None
        case "classes":
            return step.y is not None
        case _:
            return False
