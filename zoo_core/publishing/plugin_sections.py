"""Sections of a card that plugins have. What a plugin says may hold what a stranger's config says: all of it is shown as text."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping

from zoo_core.errors import PluginFailed
from zoo_core.publishing.facts import Facts
from zoo_core.publishing.markdown import text
from zoo_core.registry.hooks import card_sections

LONGEST_TITLE, LONGEST_TEXT, MOST = 80, 2_000, 5
"""Characters, and sections a plugin."""

_ABSOLUTE = re.compile(r"(?<!\S)(?:~?[/\\]|[A-Za-z]:[/\\]|file:)\S+")


def plugin_sections(facts: Facts) -> str:
    """The sections of all plugins, each titled with its plugin; a plugin that fails is left out with a warning."""
    written: list[str] = []
    for plugin, given in card_sections(facts.config):
        if isinstance(given, PluginFailed):
            warnings.warn(f"the card is written without what a plugin has to say: {given}", stacklevel=2)
        else:
            written += _sections(plugin, given)
    return "\n\n".join(written)


def _sections(plugin: str, given: Mapping[str, str]) -> list[str]:
    said = [(text(title, LONGEST_TITLE), _paragraphs(content)) for title, content in list(given.items())[:MOST]]
    return [f"## {title} ({text(plugin)})\n\n{content}" for title, content in said if title and content]


def _paragraphs(content: str) -> str:
    """``content`` as paragraphs of plain text, less paths of this machine, and no longer than it may be."""
    plain = _ABSOLUTE.sub("(a local path)", content[:LONGEST_TEXT])
    paragraphs = [text(paragraph, LONGEST_TEXT) for paragraph in re.split(r"\n\s*\n", plain)]
    cut = "…" if len(content) > LONGEST_TEXT else ""
    return "\n\n".join(filter(None, paragraphs)) + cut
