"""Precision and compilation of the parts' forwards, for as long as a training lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from zoo_core.distributions import promote
from zoo_core.errors import SettingError, did_you_mean
from zoo_core.model import Model


@contextmanager
def prepared(model: Model, *, precision: str, compiled: Sequence[str]) -> Iterator[None]:
    """Inside, the forwards of ``model``'s networks run under autocast (``bf16``), those named are compiled.

    Only forwards: distributions and losses are computed outside, in full precision.

    Raises:
        SettingError: a name to compile that is no part.
    """
    networks: dict[str, nn.Module] = dict(model.parts.items())
    for own, objective in model.objectives.items():
        networks |= {f"{own}.{name}": network for name, network in objective.named_children()}
    unknown = [name for name in compiled if name not in networks and name != "all"]
    if unknown:
        raise SettingError(
            f"training.compile: {unknown[0]!r} is no part of this model",
            hint=did_you_mean(unknown[0], networks) or f"its parts are {', '.join(networks)}, or all",
        )
    # Each once: an objective may hold a part as its own submodule too.
    chosen = list(dict.fromkeys(n for name, n in networks.items() if name in compiled or "all" in compiled))
    changed: list[nn.Module] = []
    try:
        for network in chosen:
            network.compile()
        if precision == "bf16":
            for network in dict.fromkeys(networks.values()):
                network.forward = _under_autocast(network.forward, model.device.type)
                changed.append(network)
        yield
    finally:
        for network in changed:
            del network.forward
        for network in chosen:
            network._compiled_call_impl = None


def _under_autocast(forward: Callable[..., Any], device_type: str) -> Callable[..., Any]:
    def run(*inputs: Any, **named: Any) -> Any:
        with torch.autocast(device_type, dtype=torch.bfloat16):
            result = forward(*inputs, **named)
        if isinstance(result, torch.Tensor):
            return promote(result)
        return tuple(promote(r) for r in result) if isinstance(result, tuple) else result

    return run
