"""A posterior standardised over the batch: training, and what an aside leaves."""

from __future__ import annotations

import torch

from zoo_core.game import Step

from .objectives import ToyReconstruction
from .toys import ROUNDS, Batches, Table, ToyDecoder, ToyEncoder, batch, noise, player, table, update

SGD = {"optimizer": "sgd", "lr": 0.5, "momentum": 0.5}


def standardised() -> Table:
    """Played with plain SGD: standardising takes the gradient of the means' bias away, and Adam would make steps of rounding errors."""

    def make() -> Table:
        parts = {"encoder": ToyEncoder("standardised", hidden=4), "decoder": ToyDecoder(hidden=4)}
        players = {"autoencoder": player(["encoder", "decoder"], ["fit"], **SGD)}
        return Table(parts, {"reconstruction": ToyReconstruction()}, {"players": players})

    return table(3, make)


def test_training_equals_the_loop_written_by_hand() -> None:
    made = standardised()
    encoder, decoder = made.copies("encoder", "decoder")
    made.play()
    data, optimizer = Batches(), torch.optim.SGD([*encoder.parameters(), *decoder.parameters()], lr=0.5, momentum=0.5)
    mean, variance = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    for round in range(ROUNDS):
        x = data().x
        mu, s = encoder.net(x.flatten(1)).chunk(2, dim=1)
        sigma = torch.sigmoid(s)
        raw = mu + sigma * noise(round).normal("z", mu.shape)
        centred = raw - raw.mean(0)
        z = centred / (centred.square().mean(0).sqrt() + 1e-3)
        mean = 0.9 * mean + 0.1 * mu.detach().mean(0)
        variance = 0.9 * variance + 0.1 * (mu.var(0, correction=0) + sigma.square().mean(0)).detach()
        picture = torch.sigmoid(decoder.net(z)).view(-1, 1, 2, 3)
        update(optimizer, (picture - x).square().mean())
    for name, module in {"encoder": encoder, "decoder": decoder}.items():
        for key, weight in module.named_parameters():
            torch.testing.assert_close(dict(made.modules[name].named_parameters())[key], weight, rtol=0, atol=1e-12)
    family = made.modules["encoder"].family
    torch.testing.assert_close(family.running_mean, mean, rtol=0, atol=1e-12)
    torch.testing.assert_close(family.running_var, variance, rtol=0, atol=1e-12)


def test_an_aside_leaves_the_running_statistics_alone() -> None:
    made = standardised()
    step = Step(made.modules, batch("main", 0), noise(0))
    before = {key: tensor.clone() for key, tensor in made.state().items()}
    drawn = step.isolated(step.z)
    assert drawn.shape == (8, 2) and all(torch.equal(before[key], tensor) for key, tensor in made.state().items())
    assert torch.equal(step.z(), drawn)
    assert not torch.equal(made.state()["encoder.family.running_mean"], before["encoder.family.running_mean"])
