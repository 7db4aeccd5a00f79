"""This process among all, and the device that it works on; through Accelerate."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo_core.errors import SettingError, shown


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
        torch.distributed.all_reduce(flat)
        return flat.div_(self.world)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.world > 1:
            torch.distributed.barrier()

    def agreed(self, flag: bool) -> bool:
        """True if ``flag`` is in any process."""
        if self.world == 1:
            return flag
        seen = torch.tensor(float(flag), device=self.device)
        torch.distributed.all_reduce(seen)
        return bool(seen.item() > 0)


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
