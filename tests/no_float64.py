"""A device that is none: tensors that say they are on another device than the CPU, computed on the CPU, without float64.

Inside ``NoFloat64()`` the device :data:`DEVICE` is there. As on Apple's MPS, float64 is refused on it, and as on every accelerator, so is
an operation between a tensor there and one on the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

DEVICE = torch.device("cpu", 1)
"""Torch tells it from the plain ``cpu``, and needs no driver for it."""

ACROSS = (torch.ops.aten._to_copy, torch.ops.aten.copy_, torch.ops.aten.index, torch.ops.aten.index_put_)
"""Operations that take tensors of two devices; of the last two, indices on the CPU."""


class There(Tensor):
    """A tensor on the device; ``here`` holds its values."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> There:
        if here.dtype in (torch.float64, torch.complex128):
            raise TypeError("the device has no float64")
        made: There = torch.Tensor._make_wrapper_subclass(
            cls,
            here.size(),
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=DEVICE,
        )
        made.here = here
        return made

    def tolist(self) -> Any:
        return self.cpu().tolist()  # torch's own refuses subclasses

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        """With the next one: what ``nn.Module.to`` asks of such a class."""
        return ["here"], None

    @staticmethod
    def __tensor_unflatten__(inner: Mapping[str, Tensor], context: None, size: Any, stride: Any) -> There:
        return There(inner["here"])

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class NoFloat64(TorchDispatchMode):
    """Inside, the device is there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = any(isinstance(one, There) for one in tensors)
    if there and func.overloadpacket not in ACROSS and any(not isinstance(one, There) and one.dim() for one in tensors):
        raise RuntimeError(f"{func}: tensors on {DEVICE} and on the CPU")
    to = kwargs.get("device")
    result_there = there if to is None else torch.device(to) == DEVICE
    inner = dict(kwargs) if to is None else {**kwargs, "device": torch.device("cpu")}
    plain_args, plain_kwargs = tree_map_only(There, lambda one: one.here, (tuple(args), inner))
    result = func(*plain_args, **plain_kwargs)
    if not result_there:
        return result
    wrapped = tree_map_only(Tensor, There, result)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if there else wrapped
