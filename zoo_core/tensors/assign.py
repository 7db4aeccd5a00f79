"""Weights held against a module, and put into it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from zoo_core.errors import WeightsError, shown
from zoo_core.tensors.ties import tied_groups
from zoo_core.tensors.walk import places


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
    """Make ``tensors``, which fit, the weights of ``module`` without a copy; tied ones stay tied.

    As ``load_state_dict(assign=True)`` does, which takes its time in every module and makes a parameter of its own for each name.
    """
    found = list(places(module))
    given: dict[int, Tensor] = {}
    for name, _, _, own in found:
        if name in tensors and id(own) not in given:
            new = tensors[name]
            is_parameter = isinstance(own, nn.Parameter)
            given[id(own)] = nn.Parameter(new, requires_grad=own.requires_grad) if is_parameter else new
    for _, held, key, own in found:
        if id(own) in given:
            held[key] = given[id(own)]
