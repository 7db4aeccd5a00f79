"""This process among all, and the device that it works on; through Accelerate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from zoo_core.errors import RunError, SettingError, shown

_Said: TypeAlias = tuple[str, str | None]
"""What a process wishes, and how it failed."""


@dataclass(frozen=True)
class Processes:
    """Which process this is, and where it computes.

    Arguments:
        rank, world: this process, and how many there are.
        device: where the model and its batches are.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def main(self) -> bool:
        """True in the one process that writes files."""
        return self.rank == 0

    def mean(self, flat: Tensor) -> Tensor:
        """The mean over processes of ``flat``, which is used up."""
        with _reaching_others():
            torch.distributed.all_reduce(flat)
        return flat.div_(self.world)

    def agree(self, wish: str = "", failure: Exception | None = None) -> str:
        """What all processes do next, the same in each: a process that leaves alone would have the others wait for it.

        One small message where none has anything to say.

        Arguments:
            wish: what this process would like to end the training for; empty to go on.
            failure: what went wrong in this one.

        Returns:
            the wish of the first process that has one.

        Raises:
            failure: this process's own, once the others know of it.
            RunError: another process has failed, or is gone.
        """
        if self.world == 1 and failure is None:  # asked for after every round
            return wish
        own = (wish, None if failure is None else str(failure) or type(failure).__name__)
        everyone = self._everyones(own) if self._any(wish != "" or failure is not None) else []
        if failure is not None:
            raise failure
        for rank, (_, failed) in enumerate(everyone):
            if failed is not None:
                raise RunError(f"process {rank} failed: {shown(failed, 1000)}", rank=rank)
        return next((wish for wish, _ in everyone if wish), "")

    @contextmanager
    def together(self) -> Iterator[None]:
        """A block that fails in every process if it fails in one, and that none leaves before all have come through."""
        failure: Exception | None = None
        try:
            yield
        except Exception as error:
            if self.world == 1:
                raise
            failure = error
        self.agree(failure=failure)

    def _any(self, flag: bool) -> bool:
        """True if ``flag`` is in any process."""
        if self.world == 1:
            return flag
        seen = torch.tensor(float(flag), device=self.device)
        with _reaching_others():
            torch.distributed.all_reduce(seen)
            return bool(seen.item() > 0)

    def _everyones(self, own: _Said) -> list[_Said]:
        """What each process says, by rank."""
        if self.world == 1:
            return [own]
        said: list[Any] = [None] * self.world
        with _reaching_others():
            torch.distributed.all_gather_object(said, own)
        return said


@contextmanager
def _reaching_others() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise RunError(
            f"another process has ended, or cannot be reached: {shown(str(error).splitlines()[0], 300)}",
            hint="what it said itself tells why",
        ) from error


def processes(device: str | torch.device | None = None) -> Processes:
    """The processes that ``accelerate launch`` (or torchrun) started, or this one alone.

    Arguments:
        device: where to compute; None is the first accelerator, else the CPU.

    Raises:
        SettingError: a device that is not there, or FSDP or DeepSpeed.
    """
    from accelerate import DistributedType, PartialState

    if device is not None:
        try:
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError, ImportError) as error:
            raise SettingError(
                f"device {shown(device)!r} cannot be used: {shown(str(error).splitlines()[0])}",
                hint="--device cpu works everywhere",
            ) from None
        if torch.device(device).type == "meta":
            raise SettingError('device "meta" holds no values', hint="--device cpu works everywhere")
    state = PartialState(cpu=device is not None and torch.device(device).type == "cpu")
    if state.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM):
        raise SettingError(
            f"{state.distributed_type.value} shards weights, which a game of several players over the same weights cannot use",
            hint="launch with accelerate launch --multi_gpu",
        )
    if state.num_processes > 1:
        return Processes(state.process_index, state.num_processes, state.device)
    # Accelerate keeps the device of the first call in a process for good; each call here may ask for another.
    chosen = torch.device(device) if device is not None else state.default_device
    return Processes(0, 1, chosen)
