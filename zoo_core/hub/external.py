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
    found = externals(config)
    if not found:
        return
    from zoo_core.hub.fetched import is_cached

    for one in found:
        told = (
            f"part {shown(one.part)} of {shown(where)} takes its weights from {shown(one.repo)}@{shown(one.commit[:7])}"
        )
        if not allowed:
            raise HubError(
                f"{told}, a second repository", hint="load it with allow_external=True if you trust that one too"
            )
        if not is_cached(one.repo, one.file, one.commit):
            _log.warning("zoo: %s (pinned by sha256); fetching %s", told, shown(one.file))
