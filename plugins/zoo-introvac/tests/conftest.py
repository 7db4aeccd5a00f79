"""A small trained VAC of pictures with two known factors."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces import Dataset, Labels, Split, SplitName

SIDE = 8


class Squares(Dataset):
    """A square on the left or the right (``right``), small or large (``large``), of a grey and at a height of its own."""

    def __init__(self) -> None:
        self.name, self.image_shape = "squares", (1, SIDE, SIDE)
        self.labels = Labels("attributes", ("right", "large"))

    def split(self, name: SplitName) -> Split:
        rng = torch.Generator().manual_seed(("train", "validation", "test").index(name))
        n = {"train": 1000, "validation": 200, "test": 400}[name]
        attributes = torch.randint(2, (n, 2), generator=rng)
        right, large = attributes.T[:, :, None, None].bool()
        top = torch.randint(1, SIDE // 2, (n, 1, 1), generator=rng)
        row, column = torch.arange(SIDE)[None, :, None], torch.arange(SIDE)[None, None, :]
        side = torch.where(large, 4, 2)
        left = torch.where(right, SIDE // 2, 0)
        inside = (row >= top) & (row < top + side) & (column >= left) & (column < left + side)
        grey = torch.randint(180, 256, (n, 1, 1), generator=rng)
        return Split(torch.where(inside, grey, 20)[:, None].to(torch.uint8), attributes=attributes.to(torch.int8))


class Trained(NamedTuple):
    """The model, and held-out images (N, 1, 8, 8) with their attributes."""

    model: zoo.Model
    x: Tensor
    attributes: Tensor


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    data = Squares()
    nets = {name: {"name": "mlp", "hidden": [64]} for name in ("encoder", "decoder")}
    rate = {f"training.players.{player}.lr": 4e-3 for player in ("inference", "generator")}
    model = zoo.build("vac", data=data, latent_dim=6, seed=0, **nets, **rate, **{"decoder.sigma": "fixed"})
    zoo.train(
        model, data=data, epochs=50, batch_size=100, out=tmp_path_factory.mktemp("run") / "vac", progress=False, seed=0
    )
    held_out = data.split("test")
    assert held_out.attributes is not None
    return Trained(model.eval(), held_out.x.float() / 255, held_out.attributes.bool())
