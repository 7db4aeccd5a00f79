"""Samplers that do what none of the official ones does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge

from zoo_core.interfaces import Need, Sampler, Samples

if TYPE_CHECKING:
    from zoo_core.model import Model


class Chain(Sampler):
    """Images, sent through the model again and again; each step is taken with a probability of one half.

    Arguments:
        steps: how often.
    """

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "decoder": Need("decoder")}
    conditions: ClassVar[frozenset[str]] = frozenset({"x"})

    def __init__(self, *, steps: Annotated[int, Ge(1)] = 3) -> None:
        self.steps = steps

    def starts_from_images(self, model: Model) -> bool:
        return True

    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        x, trace, taken = conditions["x"][torch.arange(n) % len(conditions["x"])], [], 0.0
        for _ in range(self.steps):
            moves = torch.rand(n, generator=generator).to(x.device) < 0.5
            x = torch.where(moves[:, None, None, None], (x + model.reconstruct(x)) / 2, x)
            trace.append(x)
            taken += moves.float().mean().item() / self.steps
        return Samples(x=x, trace=torch.stack(trace), columns=2, notes={"acceptance": taken, "start": "images"})


class Faces(Sampler):
    """As bright as the attributes that are asked for: −1, not known, is grey."""

    conditions: ClassVar[frozenset[str]] = frozenset({"y"})

    def classes(self, model: Model) -> int:
        return model.labels.count

    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        y = conditions.get("y", torch.full((n, max(model.labels.count, 1)), -1, device=model.device))
        grey = torch.where(y < 0, 0.5, y.float()).reshape(n, -1).mean(1)
        grey = grey + 1e-3 * torch.rand(n, generator=generator).to(grey.device)
        return Samples(x=grey.clamp(0, 1)[:, None, None, None].expand(n, *model.image_shape))
