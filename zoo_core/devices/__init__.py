"""Where tensors are: float64 on devices that may lack it, and this process among all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.exports import exported

if TYPE_CHECKING:
    from zoo_core.devices.doubles import float64 as float64
    from zoo_core.devices.doubles import has_float64 as has_float64
    from zoo_core.devices.process import processes as processes

__all__ = [
    "float64",
    "has_float64",
    "processes",
]

__getattr__ = exported(
    __name__,
    {
        "float64": "zoo_core.devices.doubles",
        "has_float64": "zoo_core.devices.doubles",
        "processes": "zoo_core.devices.process",
    },
)
