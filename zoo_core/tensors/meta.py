"""Building a model for weights that are already there: within their bounds, and without first weights of its own.

A config may come from a stranger. What it describes is built on the meta device, which takes no memory, and stopped when it
grows far beyond what the weights file holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as registration
from torch.overrides import TorchFunctionMode

from zoo_core.errors import WeightsError
from zoo_core.tensors.walk import named_tensors

SPARE_PARAMETERS = 5_000
"""Frozen nets bring weights of their own, and extractors are built whole before what lies behind the last layer is dropped."""
SPARE_ELEMENTS = 2_000_000_000
SPARE_MODULES = 25_000
_INITIALISERS = frozenset(
    f"{name}_"
    for name in ("uniform", "normal", "fill", "zero", "add", "sub", "mul", "div", "clamp", "erfinv", "bernoulli", "exponential",
                 "random", "log_normal", "cauchy", "constant", "kaiming_uniform")
)  # fmt: skip
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))


class TooLarge(WeightsError):
    """A config that describes a far larger model than its weights."""


@contextmanager
def bounded(tensors: int, elements: int) -> Iterator[None]:
    """Inside, building modules far beyond so many ``tensors`` and ``elements`` raises :class:`TooLarge`."""
    counts = {"tensors": 0, "elements": 0, "modules": 0}
    most = {
        "tensors": 4 * tensors + SPARE_PARAMETERS,
        "elements": 4 * elements + SPARE_ELEMENTS,
        "modules": 20 * tensors + SPARE_MODULES,
    }

    def grown(**by: int) -> None:
        for what, count in by.items():
            counts[what] += count
            if counts[what] > most[what]:
                raise TooLarge(
                    f"the config describes a model of more than {most[what]:,} {what}; its weights hold {tensors:,} tensors of "
                    f"{elements:,} elements",
                    hint="the config and the weights do not belong together",
                )

    def tensor_registered(_: nn.Module, name: str, tensor: Tensor | None) -> None:
        if tensor is not None and not nn.parameter.is_lazy(tensor):
            grown(tensors=1, elements=tensor.numel())

    hooks = [
        registration.register_module_parameter_registration_hook(tensor_registered),
        registration.register_module_buffer_registration_hook(tensor_registered),
        registration.register_module_module_registration_hook(lambda *_: grown(modules=1)),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class _Uninitialised(TorchFunctionMode):
    """First weights are not drawn: in-place initialisers leave parameters as they are."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensor = args[0] if args else kwargs.get("tensor")  # torch.nn.init passes everything by name
        if isinstance(tensor, nn.Parameter) and getattr(func, "__name__", "") in _INITIALISERS:
            return tensor
        return func(*args, **kwargs)


class WeightInit:
    """Where and how the parts of a model come into being."""

    def loaded(self) -> AbstractContextManager[Any]:
        """For a part or objective whose whole state is given to it afterwards."""
        return nullcontext()

    def self_loading(self) -> AbstractContextManager[Any]:
        """For a frozen net that brings published weights itself."""
        return nullcontext()

    def fresh(self) -> AbstractContextManager[Any]:
        """For an objective with networks that no file holds."""
        return nullcontext()


class NoInit(WeightInit):
    """In memory, but without first weights."""

    def loaded(self) -> AbstractContextManager[Any]:
        return _Uninitialised()


class MetaInit(WeightInit):
    """On the meta device: shapes and dtypes, no memory. What brings weights itself, or keeps its first ones, is in memory."""

    @contextmanager
    def loaded(self) -> Iterator[None]:
        with torch.device("meta"), _Uninitialised():
            yield

    def self_loading(self) -> AbstractContextManager[Any]:
        return torch.device("cpu")

    def fresh(self) -> AbstractContextManager[Any]:
        return torch.device("cpu")


def needs_memory(error: BaseException) -> bool:
    """Whether building a skeleton failed because there is nothing to compute with on the meta device, as torch says then."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, RuntimeError | TypeError) and "meta" in str(link).lower():
            return True
        link = link.__cause__ or link.__context__
    return False


def left_on_meta(module: nn.Module) -> list[str]:
    """What still has no memory: parameters, buffers, and tensors that stand in plain attributes, also inside containers."""
    left = [name for name, tensor in named_tensors(module) if tensor.is_meta]
    for path, inner in module.named_modules():
        for name in sorted(vars(inner).keys() - _OF_EVERY_MODULE):
            if _holds_meta(vars(inner)[name], 4):
                left.append(f"{path}.{name}")
    return left


def _holds_meta(value: Any, depth: int) -> bool:
    if value is None or isinstance(value, int | float | str):
        return False
    if isinstance(value, Tensor):
        return value.is_meta
    if depth == 0:
        return False
    if isinstance(value, dict):
        return any(_holds_meta(inner, depth - 1) for inner in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return any(_holds_meta(inner, depth - 1) for inner in value)
    if isinstance(value, nn.Module):
        return False  # registered ones are looked at by themselves; others would be a loop
    attributes = getattr(value, "__dict__", None)
    is_code = isinstance(value, type) or callable(value)
    return isinstance(attributes, dict) and not is_code and _holds_meta(attributes, depth - 1)
