"""PartNoise: the random numbers that a part draws in its own forward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from zoo_core.noise import Noise


@dataclass
class Source:
    """Where draws come from for a while.

    Arguments:
        noise: gives them.
        name: of what is computed with them; the same one computed again sees the same draws.
        counts: how many each place has made.
    """

    noise: Noise
    name: str
    counts: dict[str, int] = field(default_factory=dict)

    def next(self, place: str) -> str:
        """The name of the next draw of ``place``."""
        count = self.counts[place] = self.counts.get(place, 0) + 1
        return f"{self.name}:{place}:{count}"


class PartNoise(nn.Module):
    """Draws for a part's forward that stay on at test time: noise in a layer or beside a code.

    >>> self.noise = PartNoise()
    >>> ...
    >>> h = h + self.std * self.noise.normal(h)

    While a step uses the part they come from the step's noise, under a name of their own: a value that is computed again sees the same
    draws, pieces of a batch and several processes see those of the whole batch, and a resumed run goes on with them. In ``sample``,
    metrics and plots they follow the caller's seed. The first axis is the examples. By itself, outside of all that, a part draws from
    torch's global generator, which compiles and exports.

    (Dropout that is for training alone is ``torch.nn.Dropout``.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.place = ""
        self.source: Source | None = None

    def normal(self, like: Tensor) -> Tensor:
        """Standard normal draws of the shape, type and device of ``like``."""
        return torch.randn_like(like) if self.source is None else _normal(self.source, self.place, like)

    def uniform(self, like: Tensor) -> Tensor:
        """Uniform draws in [0, 1) of the shape, type and device of ``like``."""
        return torch.rand_like(like) if self.source is None else _uniform(self.source, self.place, like)


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _normal(source: Source, place: str, like: Tensor) -> Tensor:
    return source.noise.normal(source.next(place), like.shape).to(like)


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _uniform(source: Source, place: str, like: Tensor) -> Tensor:
    return source.noise.uniform(source.next(place), like.shape).to(like)


def part_noises(modules: Mapping[str, nn.Module]) -> list[PartNoise]:
    """Every :class:`PartNoise` in ``modules``, each told its place."""
    found: dict[PartNoise, None] = {}
    for name, module in modules.items():
        for path, inner in module.named_modules():
            if isinstance(inner, PartNoise) and inner not in found:
                inner.place = f"{name}.{path}"
                found[inner] = None
    return list(found)


@contextmanager
def drawing(noises: Sequence[PartNoise], noise: Noise, name: str) -> Iterator[None]:
    """Inside, ``noises`` draw from ``noise``, for what is called ``name``."""
    before = [one.source for one in noises]
    source = Source(noise, name)
    for one in noises:
        one.source = source
    try:
        yield
    finally:
        for one, previous in zip(noises, before):
            one.source = previous
