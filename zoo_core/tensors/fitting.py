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


def check_fit(module: nn.Module, given: Mapping[str, Described], expected: Mapping[str, Described], where: str) -> None:
    """Refuse weights that are not exactly those ``expected`` of ``module``, each with its shape and dtype.

    Of a tied tensor's names one is enough.

    Raises:
        WeightsError: with the whole difference, also as ``fields["differences"]``.
    """
    missing = set(expected) - set(given)
    if missing:
        missing -= {name for group in tied_groups(module) if any(name in given for name in group) for name in group}
    wrong = [f"missing {name}" for name in sorted(missing)]
    wrong += [f"unexpected {name}" for name in sorted(set(given) - set(expected))]
    for name in sorted(set(expected) & set(given)):
        got, want = given[name], expected[name]
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
    """Copy ``tensors``, named as ``expected``, into ``module``, strictly.

    Raises:
        WeightsError: see :func:`check_fit`.
    """
    own = module.state_dict()
    check_fit(module, tensors, {name: own[name] for name in expected}, where)
    module.load_state_dict(dict(tensors), strict=False)


def assign_weights(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Make ``tensors``, which fit, the weights of ``module`` without a copy; tied ones are tied again."""
    given = dict(tensors)
    for group in tied_groups(module):
        first = next((name for name in group if name in given), None)
        if first is not None:
            given |= dict.fromkeys(group, _as_in(module, first, given[first]))
    module.load_state_dict(given, strict=False, assign=True)


def _as_in(module: nn.Module, name: str, tensor: Tensor) -> Tensor:
    """``tensor`` as a parameter, where the one called ``name`` is one: ``load_state_dict`` would make one for each name."""
    own = module.state_dict(keep_vars=True)[name]
    return nn.Parameter(tensor, requires_grad=own.requires_grad) if isinstance(own, nn.Parameter) else tensor
