"""Precision and compilation of the networks' forwards, for as long as a training lasts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from zoo_core.distributions import to_float32
from zoo_core.distributions.log_sigma import LogSigma
from zoo_core.errors import SettingError, did_you_mean, shown
from zoo_core.interfaces import Part
from zoo_core.model import Model


@contextmanager
def prepared(model: Model, *, precision: str, compiled: Sequence[str]) -> Iterator[None]:
    """Inside, the forwards of ``model``'s networks run under autocast (``bf16``), those named are compiled.

    Networks are the parts and what objectives own, in an ``nn.ModuleDict`` or ``nn.ModuleList`` too. Only forwards: distributions and
    losses are computed outside, in full precision. An objective's own ``nn.Module`` may be entered by other methods than its forward;
    these are treated alike.

    Arguments:
        compiled: parts (``encoder``), networks of an objective (``adversarial-prior.critics.z``), several by how their names begin
            (``adversarial-prior``), or ``all``.

    Raises:
        SettingError: a name to compile that is none of these.
    """
    networks: dict[str, nn.Module] = {}
    for name, part in model.parts.items():
        networks |= _networks(name, part)
    for name, objective in model.objectives.items():
        for own, child in objective.named_children():
            networks |= _networks(f"{name}.{own}", child)
    # A part without a network (a prior) may be named, and nothing comes of it.
    known = {
        *model.parts,
        *(".".join(name.split(".")[: i + 1]) for name in networks for i in range(name.count(".") + 1)),
    }
    for wanted in compiled:
        if wanted not in known and wanted != "all":
            raise SettingError(
                f"training.compile: {shown(repr(wanted))} is no part of this model",
                hint=did_you_mean(wanted, known) or f"its parts are {', '.join(networks)}, or all",
            )
    # Each once: an objective may hold a part as its own submodule too.
    chosen = list(
        dict.fromkeys(n for name, n in networks.items() if any(_is_named(name, wanted) for wanted in compiled))
    )
    changed: list[tuple[nn.Module, str]] = []
    try:
        if precision == "bf16":
            for network in dict.fromkeys(networks.values()):
                for entry in _entries(network):
                    setattr(network, entry, _under_autocast(getattr(network, entry), model.device.type))
                    changed.append((network, entry))
        for network in chosen:
            network.compile()
            for entry in _entries(network):
                if entry != "forward":  # which the compiled call goes through
                    setattr(network, entry, torch.compile(getattr(network, entry)))
                    changed.append((network, entry))
        yield
    finally:
        for network, entry in dict.fromkeys(changed):
            delattr(network, entry)
        for network in chosen:
            network._compiled_call_impl = None


def _networks(name: str, module: nn.Module) -> dict[str, nn.Module]:
    """``module``, where it can be called; else (a container, an objective, a prior) what it holds, by dotted name."""
    if isinstance(module, LogSigma):  # belongs to a density
        return {}
    found = {name: module} if _entries(module) else {}
    if not _has_forward(module):
        for own, child in module.named_children():
            found |= _networks(f"{name}.{own}", child)
    return found


def _has_forward(module: nn.Module) -> bool:
    return type(module).forward is not nn.Module.forward


def _entries(module: nn.Module) -> list[str]:
    """The methods by which a network is entered. A component says by its interface that it is the forward alone, and so do torch's
    own classes; any other module may have more."""
    own = (
        []
        if isinstance(module, Part)
        else [cls for cls in type(module).__mro__ if not cls.__module__.startswith("torch.")]
    )
    public = (
        name for cls in own for name, member in vars(cls).items() if inspect.isfunction(member) and name[0] != "_"
    )
    more = [name for name in dict.fromkeys(public) if not hasattr(nn.Module, name)]
    return ["forward", *more] if _has_forward(module) else more


def _is_named(name: str, wanted: str) -> bool:
    return wanted in ("all", name) or name.startswith(f"{wanted}.")


def _under_autocast(method: Callable[..., Any], device_type: str) -> Callable[..., Any]:
    def run(*inputs: Any, **named: Any) -> Any:
        if torch.is_autocast_enabled(device_type):  # called by another method of a network
            return method(*inputs, **named)
        with torch.autocast(device_type, dtype=torch.bfloat16):
            result = method(*inputs, **named)
        return _promoted(result)

    return run


def _promoted(result: Any) -> Any:
    if isinstance(result, torch.Tensor):
        return to_float32(result)
    if type(result) in (tuple, list):
        return type(result)(_promoted(one) for one in result)
    return {key: _promoted(one) for key, one in result.items()} if type(result) is dict else result
