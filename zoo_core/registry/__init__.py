"""What there is, by name: plugins, their components and recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.exports import exported

if TYPE_CHECKING:
    from zoo_core.registry.parameter import parameters as parameters

__all__ = [
    "parameters",
]

__getattr__ = exported(
    __name__,
    {
        "parameters": "zoo_core.registry.parameter",
    },
)
