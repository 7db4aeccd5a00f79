"""Second repositories: a frozen net may bring weights that stand elsewhere than the model does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo_core.errors import HubError, shown

_log = logging.getLogger("zoo_core")


@dataclass(frozen=True)
class External:
    """A file of another repository that a part takes its weights from, pinned by commit and sha256."""

    part: str
    repo: str
    commit: str
    file: str
    sha256: str


def externals(config: Mapping[str, Any]) -> list[External]:
    """Every second repository that a checked config points to."""
    found = []
    for part, entry in config["parts"].items():
        weights = entry.get("weights", {})
        if "repo" in weights:
            texts = [str(weights.get(key, "")) for key in ("repo", "commit", "file", "sha256")]
            found.append(External(part, *texts))
    return found


def announce_external(config: Mapping[str, Any], where: str, *, allowed: bool) -> None:
    """Name the second repositories before anything is fetched from them.

    Raises:
        HubError: there are some, and they are not ``allowed``.
    """
    for one in externals(config):
        told = (
            f"part {shown(one.part)} of {shown(where)} takes its weights from {shown(one.repo)}@{shown(one.commit[:7])}"
        )
        if not allowed:
            raise HubError(
                f"{told}, a second repository", hint="load it with allow_external=True if you trust that one too"
            )
        if not _in_cache(one):
            _log.warning("zoo: %s (pinned by sha256); fetching %s", told, shown(one.file))


def _in_cache(one: External) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(one.repo, one.file, revision=one.commit), str)
    except (HFValidationError, ValueError, OSError):
        return False
