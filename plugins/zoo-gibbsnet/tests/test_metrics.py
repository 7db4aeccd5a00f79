"""Metrics of chains and of inpainting, on models whose figures are known."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor
from zoo_gibbsnet.masks import known_pixels
from zoo_gibbsnet.metrics.chain import ChainMetric
from zoo_gibbsnet.metrics.inpainting import Inpainting, nearest_by_known
from zoo_gibbsnet.metrics.looked_through import frechet_distance
from zoo_gibbsnet.plots.chain_codes import ChainCodes, Projection

import zoo_core as zoo
from zoo_core.distributions import Gaussian, LikelihoodFamily, posterior_family
from zoo_core.errors import DataError, IncompatibleError
from zoo_core.interfaces import Batch, Decoder, Encoder, Labels, Prior
from zoo_core.noise import Noise

SHAPE, SCALE = (1, 2, 2), 0.1
SMALL: dict[str, Any] = {
    "encoder": {"name": "mlp", "hidden": [8]},
    "decoder": {"name": "mlp", "hidden": [8]},
    "latent_dim": 3,
}


class AsIs(LikelihoodFamily):
    """The output is the mean."""

    def forward(self, output: Tensor) -> Gaussian:
        return Gaussian(output, torch.zeros(()))


class Shrinking(Encoder):
    """z = rate · (x − ½) / scale: with the rate 1 it undoes the decoder."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.image_shape, self.family, self.rate = SHAPE, posterior_family("deterministic", 4), rate

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.rate * (x - 0.5).flatten(1) / SCALE


class Scaling(Decoder):
    """x = ½ + scale · z."""

    def __init__(self) -> None:
        super().__init__()
        self.image_shape, self.latent_dim, self.family = SHAPE, 4, AsIs()

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return (0.5 + SCALE * z).view(-1, *SHAPE)


class Normal(Prior):
    latent_dim = 4

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        return noise.normal(name, (n, 4))


def model(rate: float) -> zoo.Model:
    parts = {"encoder": Shrinking(rate), "decoder": Scaling(), "prior": Normal()}
    config = {
        "recipe": "shrinking",
        "image_shape": list(SHAPE),
        "parts": {name: {"kind": name, "name": name} for name in parts},
        "sampler": "",
        "labels": {"type": "none", "names": []},
    }
    return zoo.Model(config, parts, {})


def images(n: int, seed: int) -> Tensor:
    """Of the law that the model's prior decodes to."""
    return (0.5 + SCALE * torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(seed))).clamp(0, 1)


def batches(n: int, seed: int) -> list[Batch]:
    x = images(n, seed)
    return [Batch(part) for part in x.split(300)]


def measured(metric: Any, of: zoo.Model, train: list[Batch], test: list[Batch]) -> dict[str, float]:
    generator = torch.Generator().manual_seed(0)
    with of.evaluating():
        metric.prepare(of, lambda name: {"train": train}[name], generator)
        return {figure.name: figure.value for figure in metric(of, test, generator)}


def test_a_chain_of_the_datas_law_has_the_datas_variety_at_every_step() -> None:
    figures = measured(ChainMetric(steps=(1, 2, 50), chains=2000), model(1.0), batches(2000, 0), batches(2000, 1))
    assert set(figures) == {f"chain-{name}-{step}" for name in ("variety", "spread", "distance") for step in (1, 2, 50)}
    assert all(value == pytest.approx(1, abs=0.06) for value in figures.values())


def test_a_chain_that_collapses_is_seen_to() -> None:
    figures = measured(ChainMetric(steps=(1, 2, 4, 40), chains=500), model(0.5), batches(500, 0), batches(500, 1))
    assert figures["chain-spread-1"] == pytest.approx(1, abs=0.1)
    for step in (2, 4):
        assert figures[f"chain-spread-{step}"] == pytest.approx(figures["chain-spread-1"] * 0.5 ** (step - 1), rel=0.01)
        assert figures[f"chain-variety-{step}"] == pytest.approx(
            figures["chain-variety-1"] * 0.5 ** (step - 1), rel=0.02
        )
    assert figures["chain-variety-40"] < 1e-3


def test_variety_is_the_median_distance_to_the_nearest_other() -> None:
    x = images(60, 0)
    figures = measured(ChainMetric(steps=(1,), chains=50), model(1.0), [Batch(x)], [Batch(x)])
    with model(1.0).evaluating():
        rng = torch.Generator().manual_seed(0)
        chosen = x[torch.randperm(60, generator=rng)[:50]]
        made = (0.5 + SCALE * torch.randn(50, 4, generator=rng)).clamp(0, 1)

    def median(points: Tensor) -> Tensor:
        apart = torch.cdist(
            points.double().flatten(1), points.double().flatten(1), compute_mode="donot_use_mm_for_euclid_dist"
        )
        return apart.fill_diagonal_(torch.inf).amin(1).median()

    assert figures["chain-variety-1"] == pytest.approx(float(median(made) / median(chosen)), rel=1e-4)


def test_the_frechet_distance_is_that_of_another_formula() -> None:
    rng = torch.Generator().manual_seed(0)
    a = torch.randn(200, 5, generator=rng, dtype=torch.float64)
    b = 0.3 + torch.randn(150, 5, generator=rng, dtype=torch.float64) @ torch.randn(
        5, 5, generator=rng, dtype=torch.float64
    )
    C, D = a.T.cov(), b.T.cov()
    whole = (a.mean(0) - b.mean(0)).square().sum() + (C + D).trace() - 2 * float(sqrtm((C @ D).numpy()).real.trace())
    assert frechet_distance(a, b) == pytest.approx(float(whole), rel=1e-9)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_fid_along_a_chain_is_near_that_of_the_metric_fid() -> None:
    net = zoo.build("vae", data="digits", **SMALL)
    chain = {"name": "chain", "steps": [3], "chains": 200, "features": "digit-classifier"}
    fid = {
        "name": "fid",
        "samples": 200,
        "features": "digit-classifier",
        "sampler": {"name": "gibbs-chain", "steps": 3},
        "cache": False,
    }
    figures = {figure.name: figure for figure in zoo.evaluate(net, "digits", [chain, fid])}
    assert figures["chain-fid-3"].value == pytest.approx(figures["fid"].value, rel=0.05)
    assert figures["chain-fid-3"].protocol["layer"] in figures["fid"].protocol["layer"]


def test_completions_and_baselines_are_what_they_are_called() -> None:
    train, test = batches(400, 0), batches(50, 1)
    figures = measured(Inpainting(steps=3, images=50, chains=4), model(1.0), train, test)
    x, every = torch.cat([b.x for b in test]), torch.cat([b.x for b in train])
    hidden = ~known_pixels("right", SHAPE).expand(SHAPE)
    assert figures["inpainting-error-mean"] == pytest.approx(
        float((x - every.mean(0))[:, hidden].square().mean()), rel=1e-5
    )
    apart = torch.cdist(x[:, ~hidden].double(), every[:, ~hidden].double())
    nearest = every[apart.argmin(1)]
    assert figures["inpainting-error-nearest"] == pytest.approx(
        float((x - nearest)[:, hidden].square().mean()), rel=1e-5
    )
    # This chain never mixes: hidden pixels stay what the prior gave, independent of the truth, each with the data's variance.
    assert figures["inpainting-error-single"] == pytest.approx(2 * SCALE**2, rel=0.4)
    assert figures["inpainting-error"] == pytest.approx((1 + 1 / 4) * SCALE**2, rel=0.4)


def test_the_nearest_is_searched_by_known_pixels_alone() -> None:
    x = torch.tensor([[[[0.9, 0.2], [0.1, 0.3]]]])
    known = known_pixels("right", SHAPE)
    near, far = x.clone(), x.clone()
    near[..., 0] = 0.0
    far[..., 1] += 0.1
    assert torch.equal(nearest_by_known(x, known, [Batch(far), Batch(near)]), near)


def test_a_judge_and_features_say_what_completions_show() -> None:
    net = zoo.build("vae", data="digits", **SMALL)
    asked = {
        "name": "inpainting",
        "steps": 2,
        "images": 60,
        "chains": 2,
        "judge": "digit-classifier",
        "features": "digit-classifier",
    }
    figures = {figure.name: figure for figure in zoo.evaluate(net, "digits", [asked])}
    data, nearest = figures["inpainting-accuracy-data"].value, figures["inpainting-accuracy-nearest"].value
    assert data > 90 and figures["inpainting-accuracy"].value < nearest < data
    assert figures["inpainting-features-nearest"].value < figures["inpainting-features"].value
    assert figures["inpainting-accuracy"].protocol["judge"] == "digit-classifier"


def test_what_cannot_be_measured_is_said() -> None:
    own, generator = model(1.0), torch.Generator()
    for metric in (ChainMetric(steps=(1,), chains=5), Inpainting(steps=1)):
        with pytest.raises(IncompatibleError, match="before it was prepared"):
            metric(own, batches(5, 0), generator)
    with pytest.raises(DataError, match="two images"):
        measured(ChainMetric(steps=(1,), chains=5), own, batches(5, 0), batches(1, 0))
    with pytest.raises(DataError, match="all alike"):
        measured(ChainMetric(steps=(1,), chains=5), own, batches(5, 0), [Batch(torch.full((5, *SHAPE), 0.5))])
    with pytest.raises(DataError, match="no images"):
        measured(Inpainting(steps=1), own, batches(5, 0), [])
    with pytest.raises(IncompatibleError, match="data with classes"):
        measured(Inpainting(steps=1, judge="digit-classifier"), own, batches(5, 0), batches(5, 1))


def test_a_projection_keeps_the_plane_and_finds_the_widest() -> None:
    rng = torch.Generator().manual_seed(0)
    plane = torch.randn(50, 2, generator=rng)
    assert torch.equal(Projection(plane)(plane), plane)
    assert torch.equal(Projection(plane[:, :1])(plane[:, :1])[:, 0], plane[:, 0])
    wide = torch.randn(50, 4, generator=rng) * torch.tensor([1.0, 9.0, 0.1, 3.0])
    assert Projection(wide)(wide).var(0).sum() == pytest.approx(float(wide[:, [1, 3]].var(0).sum()), rel=0.1)


def test_the_plot_has_a_panel_for_the_data_and_one_for_each_step() -> None:
    from matplotlib.figure import Figure

    net = zoo.build("gibbsnet", data="digits", **{**SMALL, "latent_dim": 2})
    part = zoo.open_dataset("digits").split("test")
    batch = Batch(part.x[:40].float() / 255, part.y[:40], labels=Labels("classes", tuple("0123456789")))
    figure = Figure()
    with net.evaluating():
        ChainCodes(codes=30, steps=(1, 5), columns=2).draw(figure, net, [batch], torch.Generator().manual_seed(0))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["codes of the data", "chain, 1 step", "chain, 5 steps", ""]
    assert [len(axes.collections[0].get_offsets()) for axes in figure.axes[:3]] == [30, 30, 30]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert figure.axes[0].get_legend() is None and len(figure.axes[1].get_legend().get_texts()) == 10
