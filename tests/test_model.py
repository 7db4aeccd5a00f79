"""What one does with a model."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import zoo_core as zoo
from zoo_core.errors import IncompatibleError, SettingError, UnknownName

SHAPE = (1, 8, 8)


def tiny(**settings: Any) -> zoo.Model:
    """A VAE of a few hundred weights, with batch norm."""
    shapes = {"encoder.hidden": [6], "encoder.batch_norm": True, "decoder.hidden": [5], "latent_dim": 4}
    return zoo.build("vae-mlp", image_shape=SHAPE, **{**shapes, **settings})


X = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(0))


def test_encode_is_the_posterior_mean_and_reconstruct_decodes_it() -> None:
    model = tiny()
    assert torch.equal(model.encode(X), model.parts["encoder"].posterior(X).mean)
    assert model.encode(X).shape == (5, 4)
    assert torch.equal(model.reconstruct(X), model.decode(model.encode(X)))
    assert torch.equal(model.reconstruct(X), model.reconstruct(X))
    assert model.posterior(X).mean.shape == (5, 4)


def test_pictures_are_in_the_unit_interval() -> None:
    samples = tiny().sample(7, seed=0)
    assert samples.shape == (7, *SHAPE)
    assert samples.min() >= 0 and samples.max() <= 1


def test_the_same_seed_gives_the_same_pictures_and_leaves_the_global_generator_alone() -> None:
    model = tiny()
    before = torch.get_rng_state()
    first = model.sample(3, seed=1)
    assert torch.equal(first, model.sample(3, seed=1))
    assert not torch.equal(first, model.sample(3, seed=2))
    assert not torch.equal(model.sample(3), model.sample(3))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_model_in_training_is_looked_at_at_rest_and_goes_on_training() -> None:
    model = tiny()
    evaluating = model.reconstruct(X)
    statistics = model.parts["encoder"].hidden[1].running_mean.clone()
    model.train()
    assert torch.equal(model.reconstruct(X), evaluating)
    assert not model.encode(X).requires_grad
    assert torch.equal(model.parts["encoder"].hidden[1].running_mean, statistics)
    assert model.training and model.parts["encoder"].hidden[1].training


def test_modes_come_back_even_after_an_error_and_module_by_module() -> None:
    model = tiny().train()
    model.parts["decoder"].eval()
    with pytest.raises(RuntimeError), model.evaluating():
        assert not any(module.training for module in model.modules())
        raise RuntimeError
    assert model.parts["encoder"].training and not model.parts["decoder"].training


def test_what_is_no_image_is_refused() -> None:
    model = tiny()
    with pytest.raises(SettingError, match=r"\(N, 1, 8, 8\).*got \(5, 8, 8\)"):
        model.encode(X[:, 0])
    with pytest.raises(SettingError, match=r"got \(5, 3, 8, 8\)"):
        model.reconstruct(X.expand(-1, 3, -1, -1))
    with pytest.raises(SettingError, match=r"torch.uint8; x.float\(\) / 255"):
        model.encode((X * 255).to(torch.uint8))
    with pytest.raises(SettingError, match=r"codes should be \(N, 4\), got \(5, 3\)"):
        model.decode(torch.zeros(5, 3))


def test_a_width_of_floats_is_taken_as_it_comes() -> None:
    assert tiny(dtype=torch.float64).reconstruct(X).dtype == torch.float64
    assert tiny().reconstruct(X.double()).dtype == torch.float32


def test_a_sampler_is_a_name_a_table_or_none() -> None:
    model = tiny()
    assert torch.equal(model.sample(4, seed=0), model.sample(4, "prior", seed=0))
    walk = model.samples(6, {"name": "interpolation", "steps": 3}, seed=0)
    assert walk.x.shape == (6, *SHAPE) and walk.columns == 3
    with pytest.raises(UnknownName, match='did you mean "prior"'):
        model.sample(4, "priro")
    with pytest.raises(SettingError, match="≥ 2"):
        model.sample(4, {"name": "interpolation", "steps": 1})
    with pytest.raises(SettingError, match="at least one picture"):
        model.sample(0)


def test_what_a_model_lacks_is_told(toys: None) -> None:
    model = zoo.build("autoencoder", image_shape=(1, 8, 8), **{"encoder.width": 2, "decoder.width": 2})
    with pytest.raises(IncompatibleError, match='sampler "prior" needs part "prior"'):
        model.sample(1, "prior")
    with pytest.raises(IncompatibleError, match="no prior to draw codes from"):
        model.sample(1)
    classifier = zoo.build(
        "classifier",
        image_shape=SHAPE,
        classifier={"name": "toy-net", "layers": ["a"]},
        objective=["discreg"],
        encoder="toy-dropout",
        decoder={"name": "mlp", "latent_dim": 4},
    )
    with pytest.raises(IncompatibleError, match="makes no pictures by itself"):
        classifier.sample(1)


def test_its_config_is_a_copy() -> None:
    model = tiny()
    model.config["parts"].clear()
    assert model.config["parts"]
