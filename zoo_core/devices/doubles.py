"""float64 on devices that may not have it: Apple's MPS computes in float32 at most."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor


@cache
def has_float64(device: torch.device) -> bool:
    """Whether ``device`` computes in float64."""
    try:
        torch.ones(1, dtype=torch.float64, device=device).add_(1)
    except (TypeError, RuntimeError):
        return False
    return True


def float64(values: Tensor) -> Tensor:
    """``values`` in float64: on their device where it has that, else on the CPU."""
    return (values if has_float64(values.device) else values.cpu()).double()
