"""All tensors of a module, in one walk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn


class Place(NamedTuple):
    """Where a tensor of a module stands.

    Arguments:
        name: its dotted name, as in a state dict.
        held: the table of parameters or of buffers that holds it.
        key: its name there.
        tensor: itself.
    """

    name: str
    held: dict[str, Tensor | None]
    key: str
    tensor: Tensor


def places(module: nn.Module) -> Iterator[Place]:
    """Every parameter and buffer, non-persistent ones too, under each of its names."""
    for path, inner in module.named_modules(remove_duplicate=False):
        for held in (inner._parameters, inner._buffers):
            for key, tensor in held.items():
                if tensor is not None:
                    yield Place(f"{path}.{key}" if path else key, held, key, tensor)


def named_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Name and tensor of all :func:`places`."""
    return ((place.name, place.tensor) for place in places(module))
