"""FortifiedLSTM: a character model with a denoising autoencoder between its hidden states and its output."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, NamedTuple

from annotated_types import Ge, Le
from torch import Tensor, nn

from zoo_core.interfaces import FeatureExtractor, ImageShape, Tags, Vocabulary
from zoo_fortified.denoiser import Activation, DenoisingAutoencoder, Scale

State = tuple[Tensor, Tensor]
"""Hidden and cell state of the recurrent layer, (1, N, width) each."""


class Advanced(NamedTuple):
    """What a few more tokens give."""

    hidden: Tensor
    """h of each token, (N, T, width)."""
    denoised: Tensor
    logits: Tensor
    """Of each next token, (N, T, tokens)."""
    state: State


class FortifiedLSTM(FeatureExtractor):
    """An embedding, one recurrent layer, D(E(h + n)) of its hidden states and from these the logits of each next token (Lamb 2018,
    section 2.7.1). The recurrence itself sees h.

    Layers: ``states``, ``states.denoised`` and ``logits``, one for each token.

    Arguments:
        embedding: width of the tokens' vectors.
        width: of the hidden states.
        code: width of the autoencoder's code; 0 is half of ``width``.
        activation: of the code.
        noise: standard deviation of n.
        scale: ``absolute`` or ``relative``, as in ``fortified``.
        dropout: fraction of the hidden states' units that is set to zero in train mode, after the autoencoder.
    """

    tags: ClassVar[Tags] = Tags(modalities=("tokens",), stochastic=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"embedding": 6, "width": 8}
        return [{**small, "dropout": 0.0}, {**small, "code": 3, "activation": "tanh", "scale": "relative"}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        vocabulary: Vocabulary,
        embedding: Annotated[int, Ge(1), Le(65_536)] = 64,
        width: Annotated[int, Ge(1), Le(65_536)] = 1000,
        code: Annotated[int, Ge(0), Le(65_536)] = 0,
        activation: Activation = "leaky-relu",
        noise: Annotated[float, Ge(0), Le(1000)] = 0.1,
        scale: Scale = "absolute",
        dropout: Annotated[float, Ge(0), Le(0.99)] = 0.2,
    ) -> None:
        super().__init__()
        length, tokens = image_shape[2], len(vocabulary)
        self.layers = ("states", "states.denoised", "logits")
        self.shapes = {"states": (length, width), "states.denoised": (length, width), "logits": (length, tokens)}
        self.embedding = nn.Embedding(tokens, embedding)
        self.recurrent = nn.LSTM(embedding, width, batch_first=True)
        self.denoiser = DenoisingAutoencoder(
            (length, width), width=code, activation=activation, noise=noise, scale=scale
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, tokens)

    @property
    def capabilities(self) -> frozenset[str]:
        """``fortified``, for objectives that train the autoencoder, beside the others."""
        return super().capabilities | {"fortified"}

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The layers for windows of tokens x, int64 (N, T)."""
        states, denoised, logits, _ = self.advance(x)
        return states, denoised, logits

    def advance(self, x: Tensor, state: State | None = None) -> Advanced:
        """The tokens x (N, T) after ``state``, or at the beginning."""
        states, after = self.recurrent(self.embedding(x), state)
        denoised = self.denoiser(states)
        return Advanced(states, denoised, self.head(self.dropout(denoised)), after)
