"""Images through a feature extractor, and the Fréchet distance of what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo_core.building import FoundExtractor, check_inputs, find_extractor
from zoo_core.errors import SettingError, shown
from zoo_core.interfaces import Need

if TYPE_CHECKING:
    from zoo_core.model import Model

Features = str | dict[str, Any]
"""A feature extractor's name, a saved model's folder, or a table with ``name`` and parameters."""

AT_ONCE = 500


@dataclass(frozen=True)
class LookedThrough:
    """A layer of an extractor, as vectors.

    Arguments:
        found: the extractor, on ``device``.
        layer: its last before logits and score; of a map the mean over space is taken.
    """

    found: FoundExtractor
    layer: str
    device: torch.device

    def __call__(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] to vectors (N, D), float64 on the CPU."""
        seen = [self.found.part.features(part.to(self.device, torch.float32))[self.layer] for part in x.split(AT_ONCE)]
        return torch.cat([(one.mean((2, 3)) if one.dim() == 4 else one).cpu().double() for one in seen])

    @property
    def protocol(self) -> dict[str, Any]:
        """What a figure over these features rests on."""
        return {
            "extractor": self.found.name.rpartition(":")[2],
            "extractor_sha256": self.found.sha256[:16],
            "layer": self.layer,
        }


def look_through(features: Features, model: Model) -> LookedThrough:
    """The extractor that ``features`` names, for the model's images.

    Raises:
        UnknownName, SettingError, WeightsError: as :func:`zoo_core.building.extractors.find_extractor`; or it has no layer but logits.
        IncompatibleError: it looks at something else than images.
    """
    found = find_extractor(features, image_shape=model.image_shape, labels=model.labels)
    name = str(features["name"] if isinstance(features, Mapping) else features)
    check_inputs("a metric", found.part, shown(name), Need("feature-extractor"), "metric.features")
    usual = [layer for layer in found.part.layers if layer not in ("logits", "score")]
    if not usual:
        raise SettingError(
            f"{shown(name)} gives no layer but {', '.join(found.part.layers)}",
            hint='choose one: {"name": …, "layers": ["LAYER"]}',
        )
    found.part.to(model.device, torch.float32)
    return LookedThrough(found, usual[-1], model.device)


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """‖μ − ν‖² + tr(C + D − 2 (C^½ D C^½)^½) between the Gaussians fitted to features a (N, K) and b (M, K) (Heusel et al. 2017)."""
    mean = (a.mean(0) - b.mean(0)).square().sum()
    C, D = a.T.cov(), b.T.cov()
    root = _root(C)
    return max(float(mean + C.trace() + D.trace() - 2 * _root(root @ D @ root).trace()), 0.0)


def _root(matrix: Tensor) -> Tensor:
    """The symmetric square root of a covariance."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
