"""The stage after training."""

from __future__ import annotations

import pytest
import torch
from zoo_discreg import adjust

import zoo_core as zoo


def test_adjust_moves_the_encoder_and_the_decoders_statistics_and_nothing_else() -> None:
    model = zoo.build("vae", data="digits", latent_dim=4, **{"encoder.width": 4, "decoder.width": 4})
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    adjust(model, "digits", batch_size=100, prior_draws=50)
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert any(name.startswith("parts.encoder") and name.endswith("weight") for name in changed)
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert {name for name in changed if not name.startswith("parts.encoder")} == {
        name for name in before if name.startswith("parts.decoder") and name.endswith(statistics)
    }
    assert not model.training


def test_after_adjust_the_decoders_statistics_are_those_of_prior_draws() -> None:
    model = zoo.build("vae", data="digits", latent_dim=4, **{"encoder.width": 4, "decoder.width": 4})
    adjust(model, "digits", batch_size=20, epochs=2, prior_draws=400)
    decoder = model.parts["decoder"]
    norm = next(m for m in decoder.modules() if isinstance(m, torch.nn.BatchNorm2d))
    seen: list[torch.Tensor] = []
    hook = norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        decoder(torch.randn(4000, 4, generator=torch.Generator().manual_seed(0)))
    hook.remove()
    mean, variance = seen[0].mean((0, 2, 3)), seen[0].var((0, 2, 3))
    assert torch.allclose(norm.running_mean, mean, atol=0.05 * float(variance.sqrt().max()))
    assert torch.allclose(norm.running_var, variance, rtol=0.1)


def test_adjust_refuses_a_model_without_an_elbo() -> None:
    model = zoo.build("autoencoder", data="digits", **{"encoder.width": 4, "decoder.width": 4})
    with pytest.raises(zoo.ZooError, match="lacks prior"):
        adjust(model, "digits")


def test_adjust_gives_a_conditional_decoder_labels() -> None:
    sizes = {"encoder.width": 4, "decoder.width": 4, "decoder.conditional": True}
    model = zoo.build("vae", data="digits", latent_dim=4, **sizes)
    before = {name: tensor.clone() for name, tensor in model.parts["decoder"].state_dict().items()}
    adjust(model, "digits", batch_size=400, prior_draws=50)
    after = model.parts["decoder"].state_dict()
    assert any("running_mean" in name and not torch.equal(tensor, before[name]) for name, tensor in after.items())
