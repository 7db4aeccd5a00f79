"""Nets with their first weights, or without any on the meta device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class _WithoutDraws(TorchFunctionMode):
    """Leaves out the draws of first weights."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if func in (Tensor.normal_, Tensor.uniform_, Tensor.erfinv_) else func(*args, **(kwargs or {}))


def created(build: Callable[[], nn.Module]) -> nn.Module:
    """``build()`` without operations in place, for an asked layer must not be changed by what follows it.

    Under ``torch.device("meta")`` no weights are drawn, and a net that needs the values of tensors to be built at all (RegNet
    reckons its widths with them) is built on the CPU and moved.
    """
    if torch.get_default_device().type != "meta":
        net = build()
    else:
        with _WithoutDraws():
            try:
                net = build()
            except (NotImplementedError, RuntimeError):
                with torch.device("cpu"):
                    net = build()
                net = net.to("meta")
    for module in net.modules():
        if isinstance(vars(module).get("inplace"), bool):
            module.inplace = False
    return net
