"""Posteriors standardised over the batch, and those whose σ is bounded, against closed forms and torch.distributions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

import zoo_core as zoo
from zoo_core.distributions import Posterior, Standardised, posterior_family
from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.interfaces import Labels
from zoo_core.noise import KeyedNoise
from zoo_core.testing.surroundings import PlainPrior

SMALL = {"image_shape": (1, 8, 8), "latent_dim": 3, "encoder.hidden": [4], "decoder.hidden": [4]}


def noise() -> KeyedNoise:
    return KeyedNoise(3, 0, dtype=torch.float64)


def statistics(n: int = 7) -> torch.Tensor:
    return torch.randn(n, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()


def standardised(given: torch.Tensor, **settings: Any) -> tuple[Posterior, torch.nn.Module]:
    family = posterior_family("standardised", 3, **settings).double()
    posterior: Posterior = family(given)
    return posterior, family


def test_draws_and_their_gradient_are_those_of_the_formula() -> None:
    given = statistics()
    posterior, _ = standardised(given)
    drawn, weights = posterior.rsample(noise(), "z"), torch.rand(7, 3, dtype=torch.float64)
    mu, s = given.chunk(2, dim=-1)
    raw = mu + torch.sigmoid(s) * noise().normal("z", (7, 3))
    by_hand = (raw - raw.sum(0) / 7) / (((raw - raw.sum(0) / 7) ** 2).sum(0).div(7).sqrt() + 1e-3)
    torch.testing.assert_close(drawn, by_hand, rtol=0, atol=1e-12)
    own, theirs = (torch.autograd.grad((one * weights).sum(), given)[0] for one in (drawn, by_hand))
    torch.testing.assert_close(own, theirs, rtol=0, atol=1e-12)
    assert drawn.mean(0).abs().max() < 1e-12 and (drawn.std(0, correction=0) - 1).abs().max() < 0.01


def test_the_mean_is_standardised_by_what_draws_have_on_average() -> None:
    posterior, _ = standardised(statistics(400))
    assert isinstance(posterior, Standardised)
    centre, variance = posterior.moments()
    raw = torch.cat([posterior.gaussian.rsample(KeyedNoise(0, i, dtype=torch.float64)) for i in range(200)])
    assert (raw.mean(0) - centre).abs().max() < 0.01 and (raw.var(0) - variance).abs().max() < 0.02
    expected = (posterior.gaussian.mean - centre) / (variance.sqrt() + 1e-3)
    torch.testing.assert_close(posterior.mean, expected, rtol=0, atol=1e-12)


def test_running_statistics_move_by_a_tenth_with_each_posterior_and_not_with_each_draw() -> None:
    posterior, family = standardised(statistics())
    assert isinstance(posterior, Standardised)
    centre, variance = (one.detach() for one in posterior.moments())
    for _ in range(3):
        posterior.rsample(noise())
    torch.testing.assert_close(family.running_mean, 0.1 * centre, rtol=0, atol=1e-12)
    torch.testing.assert_close(family.running_var, 0.9 + 0.1 * variance, rtol=0, atol=1e-12)
    assert sorted(family.state_dict()) == ["running_mean", "running_var"]


def test_in_eval_mode_it_is_the_gaussian_moved_and_scaled_by_running_statistics() -> None:
    given = statistics()
    _, family = standardised(given)
    before = {name: one.clone() for name, one in family.state_dict().items()}
    mean, scale = family.running_mean, family.running_var.sqrt() + 1e-3
    posterior = family.eval()(given)
    mu, s = given.chunk(2, dim=-1)
    reference = Independent(Normal((mu - mean) / scale, torch.sigmoid(s) / scale), 1)
    torch.testing.assert_close(posterior.mean, reference.mean, rtol=0, atol=1e-12)
    drawn = posterior.rsample(noise(), "z")
    torch.testing.assert_close(
        drawn, reference.mean + reference.stddev * noise().normal("z", (7, 3)), rtol=0, atol=1e-12
    )
    torch.testing.assert_close(posterior.log_prob(drawn), reference.log_prob(drawn), rtol=0, atol=1e-10)
    torch.testing.assert_close(family(given[2:3]).mean, posterior.mean[2:3], rtol=0, atol=0)
    assert all(torch.equal(before[name], one) for name, one in family.state_dict().items())


def test_a_batch_of_one_is_refused_in_training_and_equal_examples_give_finite_gradients() -> None:
    with pytest.raises(SettingError, match="standardised over the batch, and this batch has 1 example") as caught:
        standardised(statistics(1))
    assert "batch_size of at least 2" in str(caught.value)
    given = torch.zeros(4, 6, dtype=torch.float64, requires_grad=True)
    posterior, _ = standardised(given - torch.tensor([0.0] * 3 + [1e4] * 3, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(posterior.rsample(noise()).sum() + posterior.mean.sum(), given)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", ["gaussian", "standardised"])
def test_sigma_lies_within_its_bounds_and_reaches_for_both(name: Any) -> None:
    free = torch.linspace(-60, 60, 241, dtype=torch.float64)
    family = posterior_family(name, 1, sigma_bounds=(0.05, 2.0)).double()
    posterior = family(torch.stack([torch.zeros_like(free), free], 1))
    sigma = (posterior.gaussian if isinstance(posterior, Standardised) else posterior).log_sigma.exp().flatten()
    torch.testing.assert_close(sigma, 0.05 + 1.95 * torch.sigmoid(free), rtol=0, atol=1e-12)
    assert abs(sigma[0] - 0.05) < 1e-9 and abs(sigma[-1] - 2.0) < 1e-9


def test_density_and_divergence_of_a_bounded_gaussian_are_torchs() -> None:
    given = statistics()
    posterior = posterior_family("gaussian", 3, sigma_bounds=(0.1, 1.0))(given)
    mu, s = given.chunk(2, dim=-1)
    reference = Independent(Normal(mu, 0.1 + 0.9 * torch.sigmoid(s)), 1)
    drawn = posterior.rsample(noise())
    torch.testing.assert_close(posterior.log_prob(drawn), reference.log_prob(drawn), rtol=0, atol=1e-10)
    standard = Independent(Normal(torch.zeros(3), torch.ones(3)), 1)
    torch.testing.assert_close(posterior.kl(PlainPrior(3)), kl_divergence(reference, standard), rtol=0, atol=1e-10)
    far = torch.tensor([[0.0, 0.0, 0.0, -1e4, 1e4, 0.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(
        posterior_family("gaussian", 3, sigma_bounds=(0.1, 1.0))(far).kl(PlainPrior(3)).sum(), far
    )
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("params", "says", "hint"),
    [
        ({"sigma_bounds": [1.0, 0.1]}, r"should be \[low, high\] with low below high, got \[1.0, 0.1\]", "[0.01, 1]"),
        (
            {"sigma_bounds": [0.1, 1.0], "posterior": "implicit"},
            "a posterior that is implicit has none",
            "posterior=gaussian",
        ),
        ({"sigma_bounds": [0, 1]}, "encoder.sigma_bounds: should be a list", "sigma_bounds"),
        ({"sigma_bounds": 1}, "encoder.sigma_bounds: should be a list", "sigma_bounds"),
    ],
)
def test_bounds_that_cannot_hold_are_refused_in_words(params: dict[str, Any], says: str, hint: str) -> None:
    with pytest.raises(SettingError, match=says) as caught:
        zoo.build("vae-mlp", **SMALL, **{f"encoder.{key}": value for key, value in params.items()})
    assert hint in str(caught.value)


def test_what_needs_a_divergence_refuses_it_when_the_model_is_built() -> None:
    with pytest.raises(
        IncompatibleError, match=r'"elbo" needs "posterior.kl" or "posterior.log_prob" of part "encoder"'
    ) as caught:
        zoo.build("vae-mlp", **SMALL, **{"encoder.posterior": "standardised"})
    assert "encoder.posterior=gaussian" in str(caught.value)


@pytest.mark.parametrize("net", ["mlp", "dcgan", "resnet", "discgen"])
def test_every_encoder_takes_both_trains_and_comes_back(net: str, tmp_path: Path) -> None:
    encoder = {
        "name": net,
        "posterior": "standardised",
        "sigma_bounds": [0.01, 0.5],
        **({"hidden": [4]} if net == "mlp" else {"width": 2}),
    }
    model = zoo.build(
        "aae-fast", image_shape=(1, 16, 16), labels=Labels(), latent_dim=3, encoder=encoder, **{"decoder.hidden": [4]}
    )
    x = torch.rand(40, 1, 16, 16)
    zoo.train(model, x, epochs=2, batch_size=20, progress=False, device="cpu")
    assert model.parts["encoder"].family.running_mean.abs().max() > 0
    codes = model.encode(x[:5])
    torch.testing.assert_close(model.encode(x[:1]), codes[:1], rtol=1e-4, atol=1e-5)
    back = zoo.load(model.save(tmp_path / "saved"))
    assert torch.equal(back.encode(x[:5]), codes)
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["parts"]["encoder"]["params"][
        "sigma_bounds"
    ] == [0.01, 0.5]
