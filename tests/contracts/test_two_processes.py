"""Two processes with half of each batch equal one with the whole, and never drift apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from zoo_core.noise import KeyedNoise

from .games import GAMES, NORMALISED
from .toys import EXAMPLES, LATENT, SEED

ROOT = Path(__file__).parents[2]
States = dict[str, Tensor]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> tuple[States, States]:
    """The weights of both processes."""
    folder = tmp_path_factory.mktemp("two-processes")
    files = [folder / f"rank{rank}.safetensors" for rank in range(2)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.contracts.two_processes", str(rank), str(folder / "meeting"), str(file)],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, file in enumerate(files)
    ]
    try:
        said = [process.communicate(timeout=120)[1] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0, 0], "\n".join(said)
    first, second = (load_file(file) for file in files)
    return first, second


def of(states: States, game: str) -> States:
    return {name.removeprefix(f"{game}/"): tensor for name, tensor in states.items() if name.startswith(f"{game}/")}


@pytest.mark.parametrize("name", GAMES)
def test_halves_equal_the_joint_batch(name: str, ranks: tuple[States, States]) -> None:
    """Up to the order in which the gradients of examples are added up."""
    joint = GAMES[name]()
    joint.play()
    for key, tensor in joint.state().items():
        torch.testing.assert_close(of(ranks[0], f"plain/{name}")[key], tensor, rtol=0, atol=1e-10)


def test_halves_in_pieces_equal_the_joint_batch(ranks: tuple[States, States]) -> None:
    joint = GAMES["vae"]()
    joint.play()
    for key, tensor in joint.state().items():
        torch.testing.assert_close(of(ranks[0], "plain/vae, in pieces")[key], tensor, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", [*(f"plain/{n}" for n in GAMES), *(f"normalised/{n}" for n in NORMALISED)])
def test_both_processes_hold_the_same_model_to_the_last_bit(name: str, ranks: tuple[States, States]) -> None:
    """Batch norm's running statistics too: each process sees its own half, and they are averaged after every round."""
    first, second = of(ranks[0], name), of(ranks[1], name)
    assert first and first.keys() == second.keys()
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())


@pytest.mark.parametrize("draw", ["normal", "uniform", "integers"])
def test_each_process_draws_its_rows_of_the_joint_draw(draw: str) -> None:
    def drawn(rank: int, world: int) -> Tensor:
        noise = KeyedNoise(SEED, 3, rank=rank, world=world)
        shape = (EXAMPLES // world, LATENT)
        return noise.integers("z", shape, 5) if draw == "integers" else getattr(noise, draw)("z", shape)

    assert torch.equal(torch.cat([drawn(0, 2), drawn(1, 2)]), drawn(0, 1))
