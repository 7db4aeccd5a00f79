"""A learned, bounded log standard deviation, and the Gaussian log density that it serves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

LOG_2PI = math.log(2 * math.pi)


def gaussian_log_prob(x: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
    """log N(x; mean, diag(σ²)), in nats, summed over all axes but the first.

    Arguments:
        x, mean: (N, …).
        log_sigma: log σ, broadcast against one example.

    Returns:
        (N,).
    """
    scaled = (x - mean) * torch.exp(-log_sigma)
    units = x[0].numel()
    # Summed over log σ's own shape: a shared σ costs nothing per pixel.
    constant = log_sigma.sum() * (units / log_sigma.numel()) + 0.5 * units * LOG_2PI
    return -0.5 * scaled.square().flatten(1).sum(1) - constant


def log_sigma_within(free: Tensor, low: float, high: float) -> Tensor:
    """log σ for σ = low + (high − low) sigmoid(free), between ``low`` and ``high``, both above 0."""
    return torch.logaddexp(logsigmoid(free) + math.log(high), logsigmoid(-free) + math.log(low))


class LogSigma(nn.Module):
    """log σ as a parameter, held softly within bounds.

    The value is ``low + softplus(s − low)`` cut softly at ``high`` the same way: smooth, and never without a gradient,
    as a hard clamp would be. A lower bound keeps a perfectly fitted unit from sending the density to infinity
    (orybkin/sigma-vae-pytorch #10 is what happens without).

    Arguments:
        shape: of the parameter, broadcast against (N, C, H, W): ``()`` shared, ``(C, 1, 1)`` a channel, ``(C, H, W)`` a
            unit.
        initial: the value of log σ at the start; the published models start at 0, that is σ = 1.
        low, high: the bounds. e⁻⁶ is about half a grey level of 256.
        learned: False keeps log σ at ``initial``.
    """

    def __init__(
        self,
        shape: Sequence[int] = (),
        *,
        initial: float = 0.0,
        low: float = -6.0,
        high: float = 6.0,
        learned: bool = True,
    ) -> None:
        super().__init__()
        if not low < initial < high:
            raise ValueError(f"initial log sigma {initial} is not between its bounds {low} and {high}")
        self.low, self.high = low, high
        free = torch.full(tuple(shape), self._free(initial))
        if learned:
            self.free = nn.Parameter(free)
        else:
            self.register_buffer("free", free)

    def _free(self, value: float) -> float:
        below_high = self.high - math.log(math.expm1(self.high - value))
        return self.low + math.log(math.expm1(below_high - self.low))

    def forward(self) -> Tensor:
        raised = self.low + softplus(self.free - self.low)
        return self.high - softplus(self.high - raised)
