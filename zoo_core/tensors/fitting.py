"""Weights held against a module, and put into it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from zoo_core.errors import WeightsError, shown
from zoo_core.tensors.ties import tied_groups


class Described(Protocol):
    """A tensor, or what a header says of one."""

    @property
    def dtype(self) -> torch.dtype | None: ...
    @property
    def shape(self) -> tuple[int, ...]: ...


def check_fit(module: nn.Module, given: Mapping[str, Described], expected: Collection[str], where: str) -> None:
    """Refuse weights that are not exactly those ``expected`` of ``module``, each with its shape and dtype.

    Of a tied tensor's names one is enough.

    Raises:
        WeightsError: with the whole difference, also as ``fields["differences"]``.
    """
    own: Mapping[str, Tensor] = module.state_dict()
    covered = {name for group in tied_groups(module) if any(name in given for name in group) for name in group}
    wrong = [f"missing {name}" for name in sorted(set(expected) - set(given) - covered)]
    wrong += [f"unexpected {name}" for name in sorted(set(given) - set(expected))]
    for name in sorted(set(expected) & set(given)):
        got, want = given[name], own[name]
        if tuple(got.shape) != tuple(want.shape) or got.dtype != want.dtype:
            wrong.append(f"{name} is {_kind(got)}, expected {_kind(want)}")
    if wrong:
        more = f" … and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        raise WeightsError(
            f"{shown(where)} does not fit the model: {shown('; '.join(wrong[:8]), 900)}{more}", differences=wrong
        )


def _kind(tensor: Described) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def restore_weights(module: nn.Module, tensors: Mapping[str, Tensor], expected: Collection[str], where: str) -> None:
    """Copy ``tensors`` into ``module``, strictly.

    Raises:
        WeightsError: see :func:`check_fit`.
    """
    check_fit(module, tensors, expected, where)
    module.load_state_dict(dict(tensors), strict=False)


def assign_weights(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Make ``tensors``, which fit, the weights of ``module`` without a copy; tied ones are tied again."""
    own = module.state_dict(keep_vars=True)
    given: dict[str, Tensor] = {
        name: nn.Parameter(tensor, requires_grad=own[name].requires_grad)
        if isinstance(own[name], nn.Parameter)
        else tensor
        for name, tensor in tensors.items()
    }
    for group in tied_groups(module):
        for first in (name for name in group if name in given):
            given |= dict.fromkeys(group, given[first])
            break
    module.load_state_dict(given, strict=False, assign=True)
