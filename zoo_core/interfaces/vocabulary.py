"""What x is, and the tokens that a number stands for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from zoo_core.errors import DataError, shown

Modality: TypeAlias = Literal["image", "vector", "tokens"]
"""``image``: (N, C, H, W) in [0, 1]. ``vector``: points (N, 1, 1, D), which are as long as they are. ``tokens``: windows of token ids,
int64 (N, T)."""

LARGEST = 800_000
"""Bytes that a vocabulary may take in a ``config.json``."""
LISTED = 12
"""Unknown tokens that a message names."""


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that the ids 0, 1, … stand for; empty where data are not of tokens.

    Arguments:
        tokens: each once, in the order of the ids. Those of a text read by characters are single characters.

    Raises:
        DataError: a token is there twice, or is no string, or all of them together are too long for a saved model's config.
    """

    tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(isinstance(token, str) and token for token in self.tokens):
            raise DataError("a vocabulary should hold strings, none of them empty")
        if len(self._places) != len(self.tokens):
            twice = [token for number, token in enumerate(self.tokens) if self._places[token] != number]
            raise DataError(f"a vocabulary should have each token once, and {quoted(twice)} is there twice")
        # A line of its own each in the file, with quotes, a comma and spaces.
        if sum(len(json.dumps(token)) + 8 for token in self.tokens) > LARGEST:
            raise DataError(
                f"a vocabulary of {len(self.tokens):,} tokens is too large for a model's config",
                hint="leave rare tokens out, or read the text by characters",
            )

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Vocabulary:
        """That of a model, from its ``config.json``."""
        return cls(tuple(config.get("vocabulary", ())))

    def __len__(self) -> int:
        return len(self.tokens)

    def ids(self, tokens: Iterable[str]) -> Tensor:
        """The ids of ``tokens``, int64 (T,); of a string, those of its characters.

        Raises:
            DataError: it names those that are not in the vocabulary.
        """
        given = list(tokens)
        if missing := self.lacking(given):
            raise DataError(
                f"the vocabulary of {len(self)} tokens lacks {quoted(missing)}",
                hint="leave them out of the text, or replace them",
            )
        return torch.tensor([self._places[token] for token in given], dtype=torch.int64)

    def strings(self, ids: Tensor) -> list[str]:
        """The tokens of ``ids`` (T,)."""
        return [self.tokens[number] for number in ids.tolist()]

    def lacking(self, tokens: Iterable[str]) -> list[str]:
        """Those of ``tokens`` that are not in the vocabulary, once each, in their order."""
        return [token for token in dict.fromkeys(tokens) if token not in self._places]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}


NO_TOKENS = Vocabulary()
"""The vocabulary of data that are not of tokens."""


def quoted(tokens: list[str]) -> str:
    """``tokens`` for a message, each between quotes: spaces and newlines among them are seen. The first few of many."""
    rest = f" and {len(tokens) - LISTED} more" if len(tokens) > LISTED else ""
    return shown(", ".join(repr(token) for token in tokens[:LISTED]), 300) + rest
