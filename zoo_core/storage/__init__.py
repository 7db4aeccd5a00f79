"""Files: written whole or not at all, and the config that stands in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.exports import exported

if TYPE_CHECKING:
    from zoo_core.storage.config import sampler_entry as sampler_entry
    from zoo_core.storage.files import expanded as expanded
    from zoo_core.storage.files import is_folder as is_folder
    from zoo_core.storage.files import write_tensors as write_tensors

__all__ = [
    "expanded",
    "is_folder",
    "sampler_entry",
    "write_tensors",
]

__getattr__ = exported(
    __name__,
    {
        "expanded": "zoo_core.storage.files",
        "is_folder": "zoo_core.storage.files",
        "sampler_entry": "zoo_core.storage.config",
        "write_tensors": "zoo_core.storage.files",
    },
)
