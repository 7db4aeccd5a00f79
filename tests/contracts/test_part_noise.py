"""What parts draw in their own forwards comes from the step, and from the caller's seed everywhere else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo_core.game import Step
from zoo_core.interfaces import PartNoise
from zoo_core.interfaces.part_noise import drawing, part_noises
from zoo_core.noise import GeneratorNoise

from .games import discreg_vae
from .objectives import gaussian_log_prob, kl
from .toys import EXAMPLES, PIXELS, ROUNDS, Batches, ToyDecoder, adam, batch, network, noise, same, update


def given(x: Tensor, weights: nn.Sequential, normal: Tensor, uniform: Tensor) -> Tensor:
    """The noisy network with these draws."""
    first, _, _, last = weights
    hidden = first(x)
    return last(torch.tanh(hidden + 0.3 * normal * (0.5 + uniform)))


def test_training_draws_what_the_step_keys_by_value_place_and_count() -> None:
    table = discreg_vae(noisy=True)
    encoder, decoder, classifier, discreg = table.copies("encoder", "decoder", "classifier", "discreg")
    table.play()

    def hidden(x: Tensor, of: str, draws: Any) -> dict[str, Tensor]:
        h = classifier.first(x.flatten(1))
        normal, uniform = draws(f"classifier({of}):classifier.norm.noise", h.shape)
        out = torch.tanh(h + 0.3 * normal * (0.5 + uniform))
        return {"hidden": out, "logits": classifier.head(out)}

    data, optimizer = Batches(), adam(encoder, decoder, discreg)
    for round in range(ROUNDS):
        source = noise(round)

        def draws(place: str, shape: Any, source: Any = source) -> tuple[Tensor, Tensor]:
            return source.normal(f"{place}:1", shape), source.uniform(f"{place}:2", shape)

        x = data().x
        q = encoder.posterior(x)
        z = q.rsample(source, "z")
        normal, uniform = draws("likelihood:decoder.net.1.noise", (EXAMPLES, 4))
        likelihood = decoder.family(given(z, decoder.net, normal, uniform).view(-1, 1, 2, 3))
        total = -likelihood.log_prob(x).mean() + kl(q)
        real, made = hidden(x, "x", draws), hidden(likelihood.mean, "reconstruction", draws)
        for layer, log_sigma in discreg.log_sigma.items():
            total = total - gaussian_log_prob(real[layer], made[layer], log_sigma).mean()
        update(optimizer, total)
    for name, module in {"encoder": encoder, "decoder": decoder, "discreg": discreg}.items():
        for key, tensor in module.state_dict().items():
            torch.testing.assert_close(table.modules[name].state_dict()[key], tensor, rtol=0, atol=1e-12)


def test_a_value_that_is_computed_again_sees_the_same_draws_and_other_values_others() -> None:
    made = discreg_vae(noisy=True)
    step = Step(made.modules, batch("main", 0), noise(0))
    before, features = step.reconstruction(), step.features("classifier", "x")["hidden"]
    step.invalidate(frozenset({"decoder", "classifier"}))
    assert torch.equal(step.reconstruction(), before) and torch.equal(
        step.features("classifier", "x")["hidden"], features
    )
    again = step.value("again", lambda: step.part("decoder").likelihood(step.z()).mean)
    assert not torch.equal(again, before)
    twice = step.value("twice", lambda: [step.part("decoder").likelihood(step.z()).mean for _ in range(2)])
    assert not torch.equal(*twice), "draws of one value are told apart, too"


def test_draws_outside_of_values_are_the_terms_of_their_objective() -> None:
    made = discreg_vae(noisy=True)
    step = Step(made.modules, batch("main", 0), noise(0))
    decoder = made.parts["decoder"]

    def drawn(name: str) -> Tensor:
        with step.drawing(name):
            image: Tensor = decoder.likelihood(step.z()).mean
        return image

    state = torch.get_rng_state()
    assert torch.equal(drawn("mine.fit"), drawn("mine.fit")) and not torch.equal(drawn("mine.fit"), drawn("other.fit"))
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(decoder.likelihood(step.z()).mean, decoder.likelihood(step.z()).mean), (
        "by itself it draws from torch"
    )
    assert not torch.equal(torch.get_rng_state(), state)


def test_pieces_of_a_batch_draw_the_rows_of_the_whole() -> None:
    whole, pieces = discreg_vae(noisy=True), discreg_vae(noisy=True)
    whole.play()
    pieces.play(accumulate=4)
    for name, tensor in whole.state().items():
        torch.testing.assert_close(pieces.state()[name], tensor, rtol=0, atol=1e-10)


def test_aside_draws_the_same_under_the_same_name() -> None:
    made = discreg_vae(noisy=True)
    step = Step(made.modules, batch("main", 0), noise(0))
    assert torch.equal(step.isolated(step.reconstruction), step.reconstruction())


def test_it_is_found_at_any_depth_and_copies_are_their_own() -> None:
    decoder = ToyDecoder(hidden=4, noisy=True)
    (one,) = part_noises({"decoder": decoder, "same": decoder})
    assert one.place == "decoder.net.1.noise"
    other = copy.deepcopy(decoder)
    with drawing([one], GeneratorNoise(torch.Generator().manual_seed(0)), "x"):
        assert one.source is not None and part_noises({"other": other})[0].source is None
    assert one.source is None


def test_an_error_inside_leaves_no_source_behind() -> None:
    (one,) = part_noises({"decoder": ToyDecoder(hidden=4, noisy=True)})
    with pytest.raises(ZeroDivisionError), drawing([one], noise(0), "x"):
        raise ZeroDivisionError
    assert one.source is None


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_draws_have_the_form_of_what_they_are_for(kind: str) -> None:
    one = PartNoise()
    like = torch.zeros(3, 2, 4, dtype=torch.bfloat16)
    with drawing([one], GeneratorNoise(torch.Generator().manual_seed(0)), "x"):
        drawn = getattr(one, kind)(like)
    for found in (drawn, getattr(one, kind)(like)):
        assert (found.shape, found.dtype) == (like.shape, like.dtype) and found.unique().numel() > 1


def test_it_compiles_whole_by_itself_and_keyed_under_a_step() -> None:
    torch._dynamo.reset()
    net = network(PIXELS, 2, hidden=4, noisy=True)
    x = torch.rand(5, PIXELS)
    whole = torch.compile(net, fullgraph=True, backend="eager")
    assert not torch.equal(whole(x), whole(x))
    compiled = torch.compile(net, backend="eager")
    noises = part_noises({"net": net})

    def drawn(call: Any) -> Tensor:
        with drawing(noises, GeneratorNoise(torch.Generator().manual_seed(3)), "x"):
            out: Tensor = call(x)
        return out

    torch.testing.assert_close(drawn(compiled), drawn(net))
    assert torch.equal(drawn(compiled), drawn(compiled))


def test_training_equals_itself_whatever_the_global_generator_says() -> None:
    one, other = discreg_vae(noisy=True), discreg_vae(noisy=True)
    one.play()
    torch.manual_seed(99)
    other.play()
    assert same(one, **other.modules)
