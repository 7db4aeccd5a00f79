"""Named random draws.

A model's randomness (posterior noise, prior draws, corruption) comes through a :class:`Noise`, never from the global
generator, so that training, sampling and several processes can each decide what a draw depends on.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType

import torch
from torch import Tensor


def derive_seed(*key: object) -> int:
    """A 63-bit seed that depends on every element of ``key`` and on nothing else."""
    digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class Noise(ABC):
    """A source of named draws. ``shape`` is the whole shape of the result, its first axis the examples."""

    @abstractmethod
    def normal(self, name: str, shape: Sequence[int]) -> Tensor:
        """Standard normal draws."""

    @abstractmethod
    def uniform(self, name: str, shape: Sequence[int]) -> Tensor:
        """Uniform draws in [0, 1)."""

    @abstractmethod
    def integers(self, name: str, shape: Sequence[int], high: int) -> Tensor:
        """Uniform int64 draws in [0, high)."""

    @abstractmethod
    def seed_for(self, name: str) -> int:
        """A seed for draws that cannot be named, each process its own; see :class:`GlobalDraws`."""


class GeneratorNoise(Noise):
    """Draws one after another from a generator; the names play no part. For sampling and for looking at a model.

    Arguments:
        generator: where draws come from; None is the global generator of ``device``.
        device: device of the results. A generator on the CPU may serve any device: the draws are made there and moved,
            so that one seed gives one result everywhere.
    """

    def __init__(
        self,
        generator: torch.Generator | None = None,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.generator = generator
        self.device = torch.device(device)
        self.dtype = dtype
        self._source = generator.device if generator is not None else self.device

    def normal(self, name: str, shape: Sequence[int]) -> Tensor:
        return torch.randn(*shape, generator=self.generator, device=self._source, dtype=self.dtype).to(self.device)

    def uniform(self, name: str, shape: Sequence[int]) -> Tensor:
        return torch.rand(*shape, generator=self.generator, device=self._source, dtype=self.dtype).to(self.device)

    def integers(self, name: str, shape: Sequence[int], high: int) -> Tensor:
        return torch.randint(high, tuple(shape), generator=self.generator, device=self._source).to(self.device)

    def seed_for(self, name: str) -> int:
        return int(torch.randint(2**62, (), generator=self.generator, device=self._source))


class KeyedNoise(Noise):
    """Draws that depend on (seed, step, name) and the example's place in the joint batch, and on nothing else.

    Each process draws for the joint batch and keeps its own rows, so that two processes with half a batch each see the
    noise of one process with the whole, and a resumed run needs no generator state.
    """

    def __init__(
        self,
        seed: int,
        step: int,
        *,
        rank: int = 0,
        world: int = 1,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        generator: torch.Generator | None = None,
    ) -> None:
        self.seed, self.step, self.rank, self.world = seed, step, rank, world
        self.device = torch.device(device)
        self.dtype = dtype
        # Seeded anew for every draw: one may serve many steps, and spares making one for each.
        self.generator = torch.Generator(self.device) if generator is None else generator

    def _keyed(self, name: str) -> torch.Generator:
        return self.generator.manual_seed(derive_seed(self.seed, self.step, name))

    def _mine(self, joint: Tensor) -> Tensor:
        return joint if self.world == 1 else joint.chunk(self.world)[self.rank]

    def _joint(self, shape: Sequence[int]) -> tuple[int, ...]:
        return (shape[0] * self.world, *shape[1:])

    def normal(self, name: str, shape: Sequence[int]) -> Tensor:
        generator = self._keyed(name)
        return self._mine(torch.randn(self._joint(shape), generator=generator, device=self.device, dtype=self.dtype))

    def uniform(self, name: str, shape: Sequence[int]) -> Tensor:
        generator = self._keyed(name)
        return self._mine(torch.rand(self._joint(shape), generator=generator, device=self.device, dtype=self.dtype))

    def integers(self, name: str, shape: Sequence[int], high: int) -> Tensor:
        generator = self._keyed(name)
        return self._mine(torch.randint(high, self._joint(shape), generator=generator, device=self.device))

    def seed_for(self, name: str) -> int:
        return derive_seed(self.seed, self.step, name, self.rank)


class GlobalDraws:
    """What dropout and its like draw, which know no generator but torch's global ones: a state of these of one's own.

    Inside ``with``, the generators of the CPU and of ``device`` go on from this state, at first from ``seed``; what they were in is
    put back after.
    """

    def __init__(self, seed: int, device: torch.device | str) -> None:
        device = torch.device(device)
        self._cpu = torch.Generator().manual_seed(seed).get_state()
        self._device = None if device.type == "cpu" else device
        self._own = torch.Generator(device).manual_seed(seed).get_state()

    def __enter__(self) -> None:
        self._swap()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._swap()

    def _swap(self) -> None:
        before = torch.get_rng_state()
        torch.set_rng_state(self._cpu)
        self._cpu = before
        if self._device is not None:
            module = torch.get_device_module(self._device)
            before = module.get_rng_state(self._device)
            module.set_rng_state(self._own, self._device)
            self._own = before
