"""Models of the Hugging Face Hub: found by name, fetched at one commit, looked at without their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.exports import exported

if TYPE_CHECKING:
    from zoo_core.hub.download import fetch_file as fetch_file
    from zoo_core.hub.external import refuse_local_file as refuse_local_file

__all__ = [
    "fetch_file",
    "refuse_local_file",
]

__getattr__ = exported(
    __name__,
    {
        "fetch_file": "zoo_core.hub.download",
        "refuse_local_file": "zoo_core.hub.external",
    },
)
