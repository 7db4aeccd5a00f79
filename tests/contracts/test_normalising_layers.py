"""A normalising layer sees one source a forward, and its statistics move only in forwards that are part of a loss."""

from __future__ import annotations

import copy

import torch
from torch import nn

from zoo_core.game import Step

from .games import fortified, gan, vae
from .toys import EXAMPLES, LATENT, ROUNDS, Batches, adam, batch, noise, same, update


def test_data_and_samples_go_through_the_critic_in_forwards_of_their_own() -> None:
    """Running statistics are compared too: the sample batch comes first, then the data, then the samples for the generator."""
    table = gan(norm=True)
    generator, critic = table.copies("decoder", "discriminator")
    table.play()

    data, to_critic, to_generator = Batches(), adam(critic), adam(generator)
    for round in range(ROUNDS):
        x = data().x
        fake = generator.likelihood(noise(round).normal("prior", (EXAMPLES, LATENT))).mean
        update(to_critic, critic(fake.detach()).mean() - critic(x).mean())
        update(to_generator, -critic(fake).mean())
    assert same(table, decoder=generator, discriminator=critic)
    assert table.parts["discriminator"].net[1].num_batches_tracked == 3 * ROUNDS


def test_features_of_two_sources_are_two_forwards() -> None:
    made = fortified()
    net = made.copies("classifier")
    step = Step(made.modules, batch("main", 0), noise(0))
    other = torch.rand(EXAMPLES, 1, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    step.value("other", lambda: other)
    got = step.features("classifier"), step.features("classifier", of="other")
    expected = net.features(step.x), net.features(other)
    assert all(torch.equal(left["logits"], right["logits"]) for left, right in zip(got, expected))
    assert same(made, classifier=net)


def test_a_forward_aside_normalises_by_its_batch_and_moves_nothing() -> None:
    made = fortified()
    net, untouched = copy.deepcopy(made.parts["classifier"]), made.copies("classifier")
    step = Step(made.modules, batch("main", 0), noise(0))
    aside = step.isolated(lambda: step.features("classifier")["logits"])
    assert same(made, classifier=untouched)
    assert torch.equal(aside, net.features(step.x)["logits"])  # in train mode, too
    step.features("classifier")
    assert not same(made, classifier=untouched)


def test_statistics_move_once_for_a_value_that_is_asked_for_twice() -> None:
    made = vae(norm=True)
    step = Step(made.modules, batch("main", 0), noise(0))
    step.z(), step.reconstruction(), step.posterior()
    assert made.parts["encoder"].net[1].num_batches_tracked == 1


class Counting(nn.Module):
    """Two buffers: one that each forward moves in place, one that it replaces; and one that only scales."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("moved", "replaced", "scale"):
            self.register_buffer(name, torch.ones(2, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.moved += 1
        self.replaced = self.replaced + 1
        return x * self.scale


def test_other_buffers_are_put_back_and_graphs_that_saved_them_stay_whole() -> None:
    made = vae()
    made.parts["encoder"].counting = counting = Counting()
    step = Step(made.modules, batch("main", 0), noise(0))
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    before = counting(x).sum()
    step.isolated(lambda: counting(x))
    assert torch.equal(counting.moved, torch.full_like(counting.moved, 2))
    assert torch.equal(counting.replaced, torch.full_like(counting.replaced, 2))
    before.backward()
    assert torch.equal(x.grad, counting.scale)


def test_a_layer_in_eval_mode_keeps_its_running_statistics_aside() -> None:
    """Instance norm in eval mode would otherwise turn to its input's statistics."""
    made = vae()
    norm = nn.InstanceNorm1d(3, track_running_stats=True).double().eval()
    made.parts["encoder"].extra = norm
    step = Step(made.modules, batch("main", 0), noise(0))
    x = 5 * step.x[:, 0].transpose(1, 2)
    assert torch.equal(step.isolated(lambda: norm(x)), norm(x))
