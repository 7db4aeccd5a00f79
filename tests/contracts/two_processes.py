"""One of two processes that play every toy game on their half of each batch; started by ``test_two_processes``.

Arguments: rank, the file that the processes meet through, the file to write the weights to.
"""

from __future__ import annotations

import sys

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.contracts.games import GAMES, NORMALISED
from tests.contracts.toys import Batches

WORLD = 2


def mean(flat: Tensor) -> Tensor:
    torch.distributed.all_reduce(flat)
    return flat.div_(WORLD)


def play_all(rank: int) -> dict[str, Tensor]:
    """Weights and buffers of every game after its rounds, by game and name."""
    states: dict[str, Tensor] = {}
    for kind, games in (("plain", GAMES), ("normalised", NORMALISED)):
        for name, make in games.items():
            table = make()
            table.play(next_batch=Batches(rank, WORLD), rank=rank, world=WORLD, all_reduce=mean)
            states |= {f"{kind}/{name}/{key}": tensor.clone() for key, tensor in table.state().items()}
    table = GAMES["vae"]()
    table.play(next_batch=Batches(rank, WORLD), rank=rank, world=WORLD, all_reduce=mean, accumulate=2)
    return states | {f"plain/vae, in pieces/{key}": tensor.clone() for key, tensor in table.state().items()}


if __name__ == "__main__":
    own_rank, meeting, written = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=own_rank, world_size=WORLD)
    save_file(play_all(own_rank), written)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
