"""The YAML at the head of a README.md."""

from __future__ import annotations

import json
import re
from typing import Any

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_LIMIT = 1_000_000


class CardError(ValueError):
    """Front matter that is not YAML, or not a mapping of plain values."""


def card_data(readme: str) -> dict[str, Any]:
    """The front matter of a card, as plain JSON values; empty if it has none.

    Raises:
        CardError: it is not YAML, not a mapping, or more than 1 MB once its aliases are written out.
    """
    import yaml  # type: ignore[import-untyped]

    matter = _FRONT_MATTER.match(readme)
    if matter is None:
        return {}
    try:
        values = yaml.safe_load(matter[1])
        # Bit by bit: a few hundred bytes of YAML aliases can stand for gigabytes.
        pieces, length = [], 0
        for piece in json.JSONEncoder(default=str, allow_nan=False).iterencode(values):
            pieces.append(piece)
            length += len(piece)
            if length > _LIMIT:
                raise CardError("the metadata are longer than 1 MB")
        plain = json.loads("".join(pieces))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise CardError(str(error)) from None
    if plain is None:
        return {}
    if not isinstance(plain, dict):
        raise CardError("the metadata are not a mapping")
    return plain
