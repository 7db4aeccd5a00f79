"""Markdown in which a stranger's text stays text: it makes no tag, no link, no heading and no table cell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from zoo_core.errors import SettingError, shown
from zoo_core.evaluation.public_names import without_paths

LONGEST = 200
"""Characters that one value may have."""

# Backslashes for what every dialect can escape so, entities for what only HTML or some dialects give a meaning.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "~": "&#126;", "$": "&#36;"}
_ESCAPED = {c: "\\" + c for c in "\\`*_[]{}"} | _ENTITIES
_ADDRESS = re.compile(r"(?i)([a-z][a-z0-9+.-]*:)(?=//)|\b((?:mailto|xmpp|tel|data|javascript):)|\b(www\.)")
_OPENING = re.compile(r"^(?:#|=|[-+](?=[ -]|$)|(?P<number>\d{1,9})(?P<mark>[.)])(?= |$))")
_PICTURE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


def plain(value: object, limit: int = LONGEST) -> str:
    """``value`` as one line of at most ``limit`` characters, without control, direction or invisible characters.

    Not yet fit for Markdown: see :func:`text`.
    """
    # Cut before the loop too: a stranger's text may be a megabyte long.
    raw = str(value)[: 4 * limit]
    kept = (
        c if unicodedata.category(c)[0] not in "CZ" else " " if c in "\n\r\t\v\f" or c.isspace() else "" for c in raw
    )
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def text(value: object, limit: int = LONGEST) -> str:
    """``value`` as Markdown that shows it literally, anywhere: in a sentence, a table cell or alone on a line.

    Addresses are broken by a space (``https: //…``), since renderers make links of them whatever is escaped.
    """
    line = _ADDRESS.sub(lambda found: f"{found[0]} ", plain(value, limit)).replace("@", "@ ")
    line = " ".join(line.split())
    return _OPENING.sub(_as_text, "".join(_ESCAPED.get(c, c) for c in line))


def settings(values: object, limit: int = LONGEST) -> str:
    """A table of settings as ``key = value, …``, local paths left out; a dash where there are none."""
    if not isinstance(values, Mapping) or not values:
        return "–"
    return text(", ".join(f"{key} = {_setting(value)}" for key, value in without_paths(values).items()), limit) or "–"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; nothing at all without rows."""
    if not rows:
        return ""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def code(language: str, content: str) -> str:
    """A fenced block; ``content`` is ours, checked to have no fence of its own."""
    if "```" in content:
        raise SettingError(f"a block of code cannot hold {shown(content)!r}", hint="leave out the three backticks")
    return f"```{language}\n{content}\n```"


def picture(name: str, alt: str) -> str:
    """The picture ``name``, a relative path inside the repository, described by ``alt`` (text, not Markdown).

    Raises:
        SettingError: it is no plain relative path.
    """
    if _PICTURE.fullmatch(name) is None:
        raise SettingError(f"{shown(name)!r} cannot be a picture of a card", hint='as in "pictures/samples.png"')
    return f"![{text(alt)}]({name})"


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_setting(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_setting, value)) + "]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _as_text(found: re.Match[str]) -> str:
    return f"{found['number']}\\{found['mark']}" if found["number"] else f"&#{ord(found[0])};"
