"""Weights as files: safetensors whole or in shards, written atomically, read strictly and within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.exports import exported

if TYPE_CHECKING:
    from zoo_core.tensors.digest import tensor_digest as tensor_digest

__all__ = [
    "tensor_digest",
]

__getattr__ = exported(
    __name__,
    {
        "tensor_digest": "zoo_core.tensors.digest",
    },
)
