"""Errors for people: what was wrong, what was expected, what to type.

Every error that the zoo raises on purpose is a :class:`ZooError`. The command line prints its text as one line and
exits with code 2; in Python the same facts are on the exception as fields.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from typing import Any

from zoo_core.compat import renamed


class ZooError(Exception):
    """Base of all errors raised on purpose.

    Arguments:
        what: what was wrong, and what was expected.
        hint: what to type or to do about it.
        fields: the facts behind the text, kept as ``error.fields``.
    """

    def __init__(self, what: str, *, hint: str = "", **fields: Any) -> None:
        self.what = what
        self.hint = hint
        self.fields = fields
        super().__init__(f"{what}; {hint}" if hint else what)


class UnknownName(ZooError):
    """A name that nothing is registered under."""


class NameConflict(ZooError):
    """A short name with more than one owner."""


class PluginFailed(ZooError):
    """A plugin that could not be loaded, or a component of it."""


class PluginMissing(PluginFailed):
    """A saved model that needs a plugin which is not installed."""


class CatalogueError(ZooError):
    """A ``registry.toml`` that cannot be read; the text has file, key and line."""


class SettingError(ZooError):
    """A setting with an unknown key, a wrong type or a value out of bounds."""


class ConfigError(ZooError):
    """A ``config.json`` that does not describe a model."""


class IncompatibleError(ZooError):
    """Two parts that do not fit, or a part that an objective or sampler needs and does not find."""


class WeightsError(ZooError):
    """Weights that are missing, damaged or of another model."""


class HubError(ZooError):
    """The Hub cannot be reached, or does not give or take a model."""


class DataError(ZooError):
    """Data that are missing or cannot be read."""


class RunError(ZooError):
    """A run folder that cannot be written, resumed or read."""


class NonFinite(ZooError):
    """A term of the loss became NaN or infinite; ``fields`` has ``term`` and ``round``."""


_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown(text: object, limit: int = 120) -> str:
    """``text`` fit for one line of a message: control characters and line separators escaped, capped at ``limit`` characters.

    Names and values in messages may come from strangers' files; an escape sequence among them must not reach a
    terminal.
    """
    start = str(text)[: limit + 1]
    # Most texts are printable, and no printable character is of these categories.
    escaped = (repr(c)[1:-1] if unicodedata.category(c) in _UNPRINTABLE else c for c in start)
    clean = start if start.isprintable() else "".join(escaped)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def did_you_mean(name: str, known: Iterable[str], limit: int = 3) -> str:
    """``'did you mean "vgg19"?'``, or an empty text when nothing known is near ``name``."""
    # Comparing takes the product of the lengths, and names may come from strangers.
    near = difflib.get_close_matches(name[:100], [one for one in known if len(one) <= 100], n=limit, cutoff=0.6)
    quoted = " or ".join('"' + shown(known_name) + '"' for known_name in near)
    return f"did you mean {quoted}?" if near else ""


__getattr__ = renamed(__name__)
