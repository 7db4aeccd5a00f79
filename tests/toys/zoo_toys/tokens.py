"""A character model: a recurrent net over windows of tokens, its objective and its metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zoo_core.game.step import Step
from zoo_core.interfaces import (
    Batch,
    FeatureExtractor,
    ImageShape,
    Metric,
    MetricResult,
    Need,
    Objective,
    Tags,
    Term,
    Vocabulary,
)
from zoo_core.model import Model

TOKENS = Tags(modalities=("tokens",))
MODEL = Need("feature-extractor", frozenset({"logits"}), trained=True)


class CharLSTM(FeatureExtractor):
    """An embedding, a recurrent layer and a logit for each token that may come next.

    Arguments:
        width: of the embedding and the hidden states.
    """

    tags: ClassVar[Tags] = TOKENS

    def __init__(
        self, *, image_shape: ImageShape, vocabulary: Vocabulary, width: Annotated[int, Ge(1), Le(4096)] = 16
    ) -> None:
        super().__init__()
        length = image_shape[2]
        self.layers = ("states", "logits")
        self.shapes = {"states": (length, width), "logits": (length, len(vocabulary))}
        self.embedding = nn.Embedding(len(vocabulary), width)
        self.recurrent = nn.LSTM(width, width, batch_first=True)
        self.head = nn.Linear(width, len(vocabulary))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        states, _ = self.recurrent(self.embedding(x))
        return states, self.head(states)


def bits(model: FeatureExtractor, x: Tensor) -> Tensor:
    """Bits that each token of the windows x (N, T) but the first takes, given those before: (N, T − 1)."""
    logits = model.features(x)["logits"][:, :-1]
    return cross_entropy(logits.transpose(1, 2), x[:, 1:], reduction="none") / math.log(2)


class NextToken(Objective):
    """Cross-entropy of each next token, in bits."""

    tags: ClassVar[Tags] = TOKENS
    needs: ClassVar[Mapping[str, Need]] = {"language_model": MODEL}
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "language_model": {"losses": ["fit"], "trains": ["language_model"], "lr": 0.01}
    }

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        yield Term("bits", bits(cast(FeatureExtractor, step.part("language_model")), step.x).mean())


class BitsPerCharacter(Metric):
    """Bits per predicted character."""

    tags: ClassVar[Tags] = TOKENS
    needs: ClassVar[Mapping[str, Need]] = {"language_model": MODEL}

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        total, count = 0.0, 0
        for batch in batches:
            each = bits(cast(FeatureExtractor, model.parts["language_model"]), batch.x)
            total, count = total + float(each.double().sum()), count + each.numel()
        return [MetricResult("bits per character", total / count, "bits", "lower", protocol={"characters": count})]
