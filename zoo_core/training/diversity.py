"""Diversity of samples: whether a model has collapsed, to one picture or to a few."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.devices.doubles import float64

COLLAPSED = 0.05
"""Below this, samples count as all alike."""

ALIKE = 0.1
"""Of the distance between nearest images, on the scale of what is compared: two that are closer count as one picture."""


def diversity(samples: Tensor, images: Tensor) -> float:
    """How varied samples are as a share of images, each (N, C, H, W) with N > 1: 1 is as varied as the data, 0 the same picture every time.

    The mean squared distance between two samples over that between two images, times the share of samples that are different pictures
    over the images' share. The first alone would not see that 500 samples are three pictures, which lie as far apart as the data do.
    (Both distances are twice the sum of the pixels' variances.)
    """
    samples, images = float64(samples.flatten(1)), float64(images.flatten(1))
    spread, made = images.var(0).sum(), samples.var(0).sum()
    if spread <= 0:
        return 1.0
    apart = _distances(images)
    nearest = apart.clone().fill_diagonal_(torch.inf).amin(1).mean()
    radius = ALIKE * nearest
    share = _different(_distances(samples), radius * (made / spread).sqrt()) / _different(apart, radius)
    return float(made / spread * share)


def _distances(x: Tensor) -> Tensor:
    """Between every two rows, from their differences: the other way, by products, loses what near ones differ by."""
    return torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")


def _different(distances: Tensor, radius: Tensor) -> Tensor:
    """The share of pictures that are different ones: one over the mean number within ``radius`` of a picture, itself included."""
    return 1 / (distances <= radius).double().sum(1).mean()
