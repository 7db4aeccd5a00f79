"""A stand-in for Model: the parts side by side, with the calls that samplers and metrics make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from zoo_core.interfaces import Decoder, Encoder, ImageShape, Labels, Part


class PartsSideBySide(nn.Module):
    """Encode by the posterior mean, decode by the likelihood mean."""

    device = torch.device("cpu")
    dtype = torch.float32

    def __init__(self, parts: Mapping[str, Part], image_shape: ImageShape, labels: Labels) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(dict(parts))
        self.image_shape = image_shape
        self.labels = labels
        self.eval().requires_grad_(False)

    def capabilities(self, part: str) -> frozenset[str]:
        return cast(Part, self.parts[part]).capabilities if part in self.parts else frozenset()

    def encode(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return cast(Encoder, self.parts["encoder"]).posterior(x, y).mean

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return cast(Decoder, self.parts["decoder"]).likelihood(z, y).mean

    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.decode(self.encode(x), y)


@pytest.fixture
def model_of() -> Callable[..., PartsSideBySide]:
    """Parts to a model of them."""

    def make(image_shape: ImageShape, labels: Labels | None = None, **parts: Part) -> PartsSideBySide:
        return PartsSideBySide(parts, image_shape, labels or Labels())

    return make


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)
