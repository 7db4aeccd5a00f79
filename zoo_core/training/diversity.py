"""Diversity of samples: whether a model has collapsed."""

from __future__ import annotations

from torch import Tensor

from zoo_core.float64 import float64

COLLAPSED = 0.05
"""Below this, samples count as all alike."""


def diversity(samples: Tensor, images: Tensor) -> float:
    """Mean squared distance between two samples over that between two images, each (N, C, H, W) with N > 1.

    1 is as varied as the data, 0 is the same picture every time. (Both distances are twice the sum of the pixels' variances.)
    """
    spread = float64(images).var(0).sum()
    return float(float64(samples).var(0).sum() / spread) if spread > 0 else 1.0
