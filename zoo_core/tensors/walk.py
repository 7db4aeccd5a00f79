"""All tensors of a module, in one walk."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn


def named_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every parameter and buffer, non-persistent ones too, under each of its names."""
    for path, inner in module.named_modules(remove_duplicate=False):
        for held in (inner._parameters, inner._buffers):
            for name, tensor in held.items():
                if tensor is not None:
                    yield f"{path}.{name}" if path else name, tensor
