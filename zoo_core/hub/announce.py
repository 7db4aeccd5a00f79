"""What is fetched from second repositories is named before."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from zoo_core.errors import HubError, shown
from zoo_core.hub.external import externals

_log = logging.getLogger("zoo_core")


def announce_external(config: Mapping[str, Any], where: str, *, allowed: bool) -> None:
    """Name the second repositories before anything is fetched from them.

    Raises:
        HubError: there are some, and they are not ``allowed``.
    """
    found = externals(config)
    if not found:
        return
    from zoo_core.hub.download import is_cached

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
