"""Langevin chains against quadrature, their slopes against autograd, and what the sampler makes of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from zoo_basics.heads.linear import LinearHead
from zoo_basics.priors.gaussian import GaussianPrior
from zoo_introvac.chains import langevin, mala
from zoo_introvac.energy import Energy, EnergyName

import zoo_core as zoo
from zoo_core.interfaces import Head, Labels
from zoo_core.noise import GeneratorNoise

from .conftest import Trained

ONE, TWO = Labels("attributes", ("a",)), Labels("attributes", ("a", "b"))
CLASSES = Labels("classes", ("a", "b", "c"))


def noise(seed: int = 0, dtype: torch.dtype = torch.float32) -> GeneratorNoise:
    return GeneratorNoise(torch.Generator().manual_seed(seed), dtype=dtype)


def line(chains: int, slope: float = 2.0, name: EnergyName = "exact") -> Energy:
    """z of one dimension, p(a given z) = sigmoid(slope z), prior N(0, 1), a = 1."""
    head = LinearHead(labels=ONE, latent_dim=1, bias=False)
    nn.init.constant_(head.linear.weight, slope)
    return Energy(head, GaussianPrior(latent_dim=1), ONE, torch.ones(chains, 1, dtype=torch.int64), name)


def moments(energy: Energy) -> tuple[float, float]:
    """Mean and variance of exp(−U), by a sum over a fine grid."""
    z = torch.linspace(-12, 12, 200_001, dtype=torch.float64)
    with torch.no_grad():
        u = Energy(energy.head.double(), energy.prior, ONE, torch.ones(len(z), 1, dtype=torch.int64), energy.name)(
            z[:, None]
        )
    energy.head.float()
    p = torch.softmax(-u, dim=0)
    mean = (p * z).sum()
    return float(mean), float((p * (z - mean).square()).sum())


@pytest.mark.parametrize(
    ("walk", "steps", "size"), [(langevin, 500, 0.01), (mala, 200, 0.05)], ids=["langevin", "mala"]
)
def test_chains_end_where_quadrature_says(walk: Any, steps: int, size: float) -> None:
    energy = line(100_000)
    mean, variance = moments(energy)
    with torch.no_grad():
        z = walk(energy, energy.prior.sample(100_000, noise(1)), noise(2), steps=steps, size=size).z.double()
    assert abs(float(z.mean()) - mean) < 0.02 * variance**0.5
    assert abs(float(z.var()) / variance - 1) < 0.03


def test_the_papers_settings_end_short_of_it() -> None:
    """0.0002 times 5,000 is one unit of time: under the exact energy the chains are still on their way; under the authors' the prior of a
    code of 256 dimensions counts 2/256, and they are on their way to somewhere else."""
    chains = 2_000
    with torch.no_grad():
        exact = line(chains)
        z = langevin(exact, exact.prior.sample(chains, noise(1)), noise(2), steps=5_000, size=2e-4).z
        mean, variance = moments(exact)
        assert (mean - float(z.mean())) / variance**0.5 > 0.1
        wide = Energy(
            LinearHead(labels=ONE, latent_dim=256, bias=False),
            GaussianPrior(latent_dim=256),
            ONE,
            torch.ones(100, 1, dtype=torch.int64),
            "averaged",
        )
        z = langevin(wide, wide.prior.sample(100, noise(1)), noise(2), steps=5_000, size=2e-4).z
    assert 2.8 < float(z.square().mean()) < 3.0, "|z|²/D, which is 1 under the prior"


@pytest.mark.parametrize("name", ["exact", "averaged"])
@pytest.mark.parametrize("labels", [TWO, CLASSES], ids=lambda labels: labels.type)
@pytest.mark.parametrize("fake", [False, True])
def test_closed_form_slopes_are_autograds(name: EnergyName, labels: Labels, fake: bool) -> None:
    torch.manual_seed(0)
    head = LinearHead(labels=labels, latent_dim=5, fake=fake).double()
    y = torch.tensor([[1, 0], [-1, 1], [-1, -1]]) if labels is TWO else torch.tensor([2, -1, 0])
    energy = Energy(head, GaussianPrior(latent_dim=5, std=1.5), labels, y, name)
    z = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(energy(z).sum(), z)
    assert torch.allclose(energy.slope(z.detach()), expected, atol=1e-12)


class Curved(Head):
    """A head of two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.latent_dim, self.outputs = 2, 1
        self.net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)


def test_a_head_that_is_not_linear_has_slopes_too() -> None:
    torch.manual_seed(0)
    energy = Energy(Curved(), GaussianPrior(latent_dim=2), ONE, torch.ones(4, 1, dtype=torch.int64))
    z = torch.randn(4, 2)
    with torch.no_grad():
        slope = energy.slope(z)
        nudged = torch.stack([(energy(z + d) - energy(z - d)) / 2e-2 for d in 1e-2 * torch.eye(2)], 1)
    assert torch.allclose(slope, nudged, atol=1e-2) and not slope.requires_grad


def test_samples_carry_what_was_asked_and_rejection_is_told(trained: Trained) -> None:
    model = trained.model
    given = model.samples(30, "langevin", seed=0, y=[1, -1])
    z = given.z
    assert z is not None
    assert (model.parts["head"].logits(z)[:, 0] > 0).all()
    assert "of" in str(given.notes["accepted"]) and "not accepted" not in given.notes
    told = model.parts["head"].logits(model.encode(given.x))[:, 0] > 0
    assert told.float().mean() > 0.8, "of the pictures, encoded again"


def test_what_stays_missing_is_told(trained: Trained) -> None:
    settings = {"name": "langevin", "steps": 1, "step_size": 1e-6, "attempts": 1}
    given = trained.model.samples(60, settings, seed=0, y=[1, 1])
    assert 0 < int(str(given.notes["not accepted"]).split()[0]) < 60
    kept = trained.model.samples(60, {**settings, "reject": "none"}, seed=0, y=[1, 1])
    assert "accepted" not in kept.notes and torch.equal(kept.x, given.x)


def test_mala_tells_how_many_steps_were_taken(trained: Trained) -> None:
    given = trained.model.samples(20, {"name": "langevin", "method": "mala", "steps": 30, "step_size": 0.05}, seed=0)
    assert 0.5 < float(str(given.notes["steps taken"]).rstrip("%")) / 100 < 1
    assert given.columns == 2, "without y, each attribute in turn"


def test_a_model_without_a_head_is_refused() -> None:
    nets: dict[str, Any] = {"encoder": {"name": "mlp", "hidden": [4]}, "decoder": {"name": "mlp", "hidden": [4]}}
    model = zoo.build("vae", image_shape=(1, 8, 8), labels=ONE, latent_dim=2, **nets)
    with pytest.raises(zoo.ZooError, match="head"):
        model.sample(2, "langevin")
