"""ResidualBlock: two 3x3 convolutions beside a skip."""

from __future__ import annotations

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """skip(x) + LReLU(BN(conv(LReLU(BN(conv(x)))))), 3x3 convolutions, slope 0.2.

    The skip is a 1x1 convolution where the width changes, else x itself. The second activation stands before the sum,
    as in IntroVAC's net.

    Arguments:
        inputs, outputs: channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, bias=False)
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2, inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.skip(x) + self.branch(x)
        return out


def residual_widths(width: int, blocks: int) -> list[int]:
    """Channels after the first convolution and each block: doubling from ``width``, at most 16 times ``width``."""
    return [width * min(2**i, 16) for i in range(blocks + 1)]
