"""Draws of pixels with a gradient, where the likelihood has them."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent, Normal

import zoo_core as zoo
from zoo_core.distributions import likelihood_family
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Decoder
from zoo_core.noise import KeyedNoise

SHAPE = (2, 3, 4)


def noise() -> KeyedNoise:
    return KeyedNoise(3, 0, dtype=torch.float64)


@pytest.mark.parametrize("sigma", ["fixed", "shared", "channel", "unit"])
def test_a_gaussian_draw_and_its_gradient_are_torchs(sigma: str) -> None:
    family = likelihood_family("gaussian", SHAPE, sigma=sigma, initial_log_sigma=-0.5).double()
    output = torch.randn(5, *SHAPE, dtype=torch.float64, requires_grad=True)
    likelihood = family(output)
    drawn = likelihood.rsample(noise(), "pixels")
    weights = torch.randn_like(drawn)
    own = torch.autograd.grad((drawn * weights).sum(), [output, *family.parameters()], retain_graph=True)

    scale = family.log_sigma().exp().expand(5, *SHAPE)
    epsilon = noise().normal("pixels", drawn.shape)
    reference = Independent(Normal(torch.sigmoid(output), scale), 3)
    torch.testing.assert_close(drawn, reference.mean + scale * epsilon, rtol=0, atol=1e-12)
    theirs = torch.autograd.grad(((reference.mean + scale * epsilon) * weights).sum(), [output, *family.parameters()])
    for a, b in zip(own, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    torch.testing.assert_close(likelihood.log_prob(drawn), reference.log_prob(drawn), rtol=0, atol=1e-10)
    assert torch.equal(likelihood.sample(noise(), "pixels"), drawn) and not likelihood.sample(noise()).requires_grad


def test_bernoulli_pixels_have_none_and_build_says_so(toys: None) -> None:
    bernoulli = likelihood_family("bernoulli", SHAPE)
    assert "likelihood.rsample" not in bernoulli.capabilities
    with pytest.raises(TypeError, match="Bernoulli has no draws with a gradient"):
        bernoulli(torch.zeros(1, *SHAPE)).rsample()
    small = {"image_shape": (1, 8, 8), "latent_dim": 2, "encoder.hidden": [4], "decoder.hidden": [4]}
    with pytest.raises(
        IncompatibleError, match=r'objective "toy-redrawn" needs "likelihood\.rsample" of part "decoder".*'
    ) as caught:
        zoo.build("vae-mlp", objective=["elbo", "toy-redrawn"], **small)
    assert "decoder.likelihood=gaussian" in str(caught.value)
    model = zoo.build("vae-mlp", objective=["elbo", "toy-redrawn"], **small, **{"decoder.likelihood": "gaussian"})
    decoder = model.parts["decoder"]
    assert isinstance(decoder, Decoder) and "likelihood.rsample" in decoder.capabilities
    run = zoo.train(model, torch.rand(40, 1, 8, 8), epochs=1, batch_size=20, progress=False, device="cpu")
    assert run.rounds == 1
