"""Tied tensors: several names for one tensor. A file holds it once, under the first of its names."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from zoo_core.tensors.walk import named_tensors


def tied_names(state: Mapping[str, Tensor]) -> dict[str, str]:
    """Each further name of a tensor to its first name; tensors are the same when they show the same memory in the same way.

    Tensors that overlap otherwise (views of parts of one another) are no ties and are saved as tensors of their own.
    """
    first: dict[object, str] = {}
    ties: dict[str, str] = {}
    for name, tensor in state.items():
        if tensor.numel() == 0 or tensor.is_meta:
            continue
        place = (tensor.device, tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride())
        kept = first.setdefault(place, name)
        if kept != name:
            ties[name] = kept
    return ties


def tied_groups(module: nn.Module) -> list[list[str]]:
    """The names of ``module``'s state that stand for one and the same parameter or buffer, also where it holds no memory."""
    groups: dict[int, list[str]] = {}
    for name, tensor in named_tensors(module):
        groups.setdefault(id(tensor), []).append(name)
    return [names for names in groups.values() if len(names) > 1]
