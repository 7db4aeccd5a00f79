"""rounds: what a loop of one's own draws."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.game import Round

DATA = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def model() -> zoo.Model:
    """One whose forwards in train mode draw from torch's global generator."""
    settings = {"encoder.hidden": [6], "decoder.hidden": [5], "encoder.input_dropout": 0.5, "encoder.input_noise": 0.1}
    return zoo.build("vae-mlp", image_shape=(1, 8, 8), latent_dim=4, **settings)


def rounds(played: zoo.Model, seed: int = 0) -> Iterator[Round]:
    return zoo.rounds(played, DATA, epochs=2, batch_size=12, seed=seed, device="cpu")


def trained(seed: int = 0) -> dict[str, Tensor]:
    made = model()
    for _ in rounds(made, seed):
        pass
    return made.state_dict()


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_rounds_give_the_weights_of_a_training_with_that_seed_whatever_the_caller_draws() -> None:
    expected = zoo.train(model(), DATA, epochs=2, batch_size=12, device="cpu", progress=False).model.state_dict()
    torch.manual_seed(1)
    made = model()
    for _ in rounds(made):
        torch.rand(3)
    assert same(made.state_dict(), expected)
    assert not same(trained(seed=1), expected)


def test_the_callers_generator_is_left_alone() -> None:
    torch.manual_seed(1)
    drawn = [torch.rand(3) for _ in rounds(model())]
    torch.manual_seed(1)
    assert all(torch.equal(numbers, torch.rand(3)) for numbers in drawn)


def test_two_loops_by_turns_do_not_disturb_each_other() -> None:
    left, right = model(), model()
    for _ in zip(rounds(left), rounds(right, seed=1), strict=True):
        pass
    assert same(left.state_dict(), trained()) and same(right.state_dict(), trained(seed=1))
