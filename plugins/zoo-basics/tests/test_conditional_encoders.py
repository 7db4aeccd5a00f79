"""Encoders that take labels: q(z given x, y), alone, in a conditional VAE, and in all that encodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot
from zoo_basics.metrics.elbo import ELBOMetric
from zoo_basics.metrics.nll import NLL
from zoo_basics.metrics.reconstruction import ReconstructionError

import zoo_core as zoo
from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.game.step import Step
from zoo_core.interfaces import Batch, Encoder, Labels, Part
from zoo_core.model import Model
from zoo_core.noise import KeyedNoise

CLASSES = Labels("classes", ("zero", "one", "two"))
SHAPE = (1, 8, 8)
METRICS = {"elbo": ELBOMetric(), "nll": NLL(draws=3), "reconstruction": ReconstructionError()}
SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [16]}, "dcgan": {"width": 4}, "resnet": {"width": 4},
}  # fmt: skip


def cvae(net: str = "mlp", encoder: bool = True, decoder: bool = True) -> Model:
    return zoo.build(
        "vae", image_shape=SHAPE, labels=CLASSES, latent_dim=3, seed=0,
        encoder={"name": net, **SMALL[net], "conditional": encoder},
        decoder={"name": net, **SMALL[net], "conditional": decoder},
    )  # fmt: skip


def batch(n: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(1)
    return Batch(torch.rand(n, *SHAPE, generator=generator), torch.arange(n) % 3, labels=CLASSES)


@pytest.mark.parametrize("net", SMALL)
def test_the_label_moves_the_posterior_and_one_that_is_not_known_is_zeros(net: str) -> None:
    model, x = cvae(net), batch().x
    codes = [model.encode(x, y) for y in (0, 1, -1)]
    assert not torch.allclose(codes[0], codes[1]) and not torch.allclose(codes[0], codes[2])
    assert torch.allclose(model.encode(x, one_hot(torch.zeros(6, dtype=torch.int64), 3)), codes[0])
    assert torch.allclose(model.encode(x, "zero"), codes[0])
    assert torch.allclose(model.encode(x, torch.zeros(6, 3)), codes[2])


def test_the_elbo_of_a_conditional_vae_is_that_of_q_given_x_and_y() -> None:
    model, rows = cvae().double(), batch()
    rows = Batch(rows.x.double(), rows.y, labels=CLASSES)
    step = Step(
        {name: cast(Part, part) for name, part in model.parts.items()}, rows, KeyedNoise(0, 0, dtype=torch.float64)
    )
    encoder = cast(Any, model.parts["encoder"])
    assert rows.y is not None
    beside = torch.cat([rows.x.flatten(1), one_hot(rows.y, 3)], dim=1)
    by_hand: Tensor = encoder.head(encoder.hidden(beside))
    assert torch.equal(step.posterior().mean, by_hand[:, :3])
    terms = {term.name: term.value for term in cast(Any, model.objectives["elbo"]).terms("fit", step)}
    mean, log_sigma = by_hand[:, :3], 7 * torch.tanh(by_hand[:, 3:] / 7)
    q, p = torch.distributions.Normal(mean, log_sigma.exp()), torch.distributions.Normal(0.0, 1.0)
    expected = torch.distributions.kl_divergence(q, p).sum(1).mean() / 64
    assert abs(float(terms["kl"]) - float(expected)) < 1e-12


@pytest.mark.parametrize(("encoder", "decoder"), [(True, True), (True, False), (False, True)])
def test_labels_go_to_those_parts_that_take_them(encoder: bool, decoder: bool) -> None:
    model, rows = cvae(encoder=encoder, decoder=decoder), batch()
    z = model.encode(rows.x, rows.y if encoder else None)
    expected = model.decode(z, rows.y if decoder else None)
    assert torch.equal(model.reconstruct(rows.x, rows.y), expected)
    if not encoder:
        with pytest.raises(SettingError, match="the encoder of this vae takes no labels"):
            model.encode(rows.x, rows.y)


def test_labels_that_nobody_takes_or_that_are_missing_are_refused_in_words() -> None:
    with pytest.raises(SettingError, match="neither encoder nor decoder of this vae takes labels"):
        cvae(encoder=False, decoder=False).reconstruct(batch().x, 0)
    with pytest.raises(IncompatibleError, match="a conditional encoder was given no labels y"):
        cvae().encode(batch().x)
    with pytest.raises(SettingError, match="a conditional encoder needs data with classes"):
        zoo.build("vae", image_shape=SHAPE, labels=Labels(), encoder={"conditional": True})
    with pytest.raises(SettingError, match="encoder of a joint code is to tell"):
        zoo.build("vae", image_shape=SHAPE, labels=CLASSES, latent_dim=6, objective="reconstruction",
                  encoder={"conditional": True, "posterior": "joint", "categories": 3})  # fmt: skip


@pytest.mark.parametrize("decoder", [True, False])
@pytest.mark.parametrize("metric", METRICS)
def test_metrics_encode_with_the_labels(metric: str, decoder: bool) -> None:
    figures = METRICS[metric](cvae(decoder=decoder), [batch()], torch.Generator())
    assert all(torch.isfinite(torch.tensor(figure.value)) for figure in figures)


@pytest.mark.parametrize("decoder", [True, False])
def test_walks_between_images_encode_them_with_their_rows_labels(decoder: bool) -> None:
    model, rows = cvae(decoder=decoder), batch(4)
    walk = model.samples(4, {"name": "interpolation", "steps": 2}, x=rows.x)
    assert walk.z is not None
    assert torch.allclose(walk.z, model.encode(rows.x, torch.tensor([0, 0, 1, 1])), atol=1e-6)


def test_a_conditional_vae_is_saved_and_loaded_whole(tmp_path: Path) -> None:
    model, rows = cvae("dcgan"), batch()
    again = zoo.load(model.save(tmp_path / "cvae"))
    assert torch.equal(again.reconstruct(rows.x, rows.y), model.reconstruct(rows.x, rows.y))
    assert "labels" in cast(Encoder, again.parts["encoder"]).capabilities
