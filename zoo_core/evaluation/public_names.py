"""What a published file may say of where things were: names, and no path of the machine that they were on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.registry.names import is_name

OWN_DATA = "own images"
"""What data without a public name are called."""
OWN_TEXT = "own text"
"""The same for a text."""

_PATH = re.compile(r"\s*(?:[/\\~]|\.{1,2}(?:[/\\]|$)|[A-Za-z]:[/\\]|[A-Za-z0-9+._-]+:[/\\~.]|file:)")
_WITH_PATH = ("folder", "npz", "text")
_PLACES = ("path", "root", "folder", "file", "dir", "directory", "cache")


def is_local_path(text: str) -> bool:
    """Whether ``text`` looks like a path of some machine: it starts as one, or has one behind a name (``folder:/pictures``)."""
    return _PATH.match(text) is not None


def data_name(reference: object) -> str:
    """How data are called in public: a registered data set by its name, with the expression of its attributes behind it if there is
    one; all else ``own images``, or ``own text``."""
    from zoo_core.data.references import parted
    from zoo_core.registry.components import registry
    from zoo_core.registry.parameter import parameters

    if not isinstance(reference, str):
        return OWN_DATA
    short = reference.rpartition(":")[2]
    own = (
        OWN_TEXT
        if reference.removeprefix("zoo-basics:").partition(":")[0] == "text" or reference == OWN_TEXT
        else OWN_DATA
    )
    if short in (*_WITH_PATH, "array"):
        return own
    try:
        name, rest = parted(reference)
        if rest is not None and (
            is_local_path(rest) or "path" in parameters(registry().resolve("dataset", name).entry.load())
        ):
            return own
    except ZooError:
        return reference if is_name(reference) else own
    spelled = registry().spelled("dataset", name)
    return spelled if rest is None else f"{spelled}:{rest}"


def without_paths(value: Any) -> Any:
    """``value`` (as JSON has it) less every text that is a local path, and every key that names a place."""
    if isinstance(value, Mapping):
        kept = {str(key): inner for key, inner in value.items() if key not in _PLACES and not is_local_path(str(key))}
        return {key: without_paths(inner) for key, inner in kept.items() if not _is_path(inner)}
    if isinstance(value, list | tuple):
        return [without_paths(inner) for inner in value if not _is_path(inner)]
    return value


def _is_path(value: object) -> bool:
    return isinstance(value, str) and is_local_path(value)
