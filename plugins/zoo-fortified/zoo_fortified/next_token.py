"""NextToken: trains a model of tokens, and its autoencoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from torch.nn.functional import cross_entropy

from zoo_core.game import Step
from zoo_core.interfaces import Need, Objective, Tags, Term
from zoo_fortified.extractor import DENOISED
from zoo_fortified.fortification import Weight

LANGUAGE_MODEL = Need("feature-extractor", frozenset({"logits", "fortified"}), trained=True)


class NextToken(Objective):
    """−log p of each next token given those before, in nats, a mean over all but the first of each window: ``next_token``; and
    λ_rec times the mean over tokens and units of (D(E(h + n)) − h)²: ``reconstruction`` (Lamb 2018, section 2.7.1).

    Arguments:
        lambda_rec: weight of the second; 0 leaves it out.
    """

    tags: ClassVar[Tags] = Tags(modalities=("tokens",))
    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {"language_model": LANGUAGE_MODEL}
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "language_model": {"trains": ["language_model"], "losses": ["fit"], "lr": 2e-3}
    }

    def __init__(self, *, lambda_rec: Weight = 1.0) -> None:
        super().__init__()
        self.lambda_rec = lambda_rec

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``next_token`` and ``reconstruction``."""
        features = step.features("language_model")
        yield Term("next_token", cross_entropy(features["logits"][:, :-1].transpose(1, 2), step.x[:, 1:]))
        if self.lambda_rec:
            for layer in (name for name in features if name + DENOISED in features):
                error = (features[layer + DENOISED] - features[layer]).square().mean()
                yield Term("reconstruction", self.lambda_rec * error)
