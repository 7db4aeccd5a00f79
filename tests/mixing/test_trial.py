"""The trial of a combination notices what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import zoo_core as zoo
from zoo_core.data import ArrayDataset

from .trial import faults

SETTINGS: dict[str, Any] = {
    "objective": ["elbo", "discreg"],
    "classifier": {"name": "digit-classifier", "layers": ["conv1"]},
    "latent_dim": 4,
    "encoder.width": 2,
    "decoder.width": 2,
}

NARROW: dict[str, Any] = {f"{where}.hidden": [8] for where in ("encoder", "decoder", "objective.adversarial-prior")}


@pytest.fixture
def model() -> zoo.Model:
    """A small discriminatively regularised VAE."""
    return zoo.build("vae", data="digits", **SETTINGS)


def test_a_sound_model_has_no_faults(model: zoo.Model, digits: ArrayDataset, tmp_path: Path) -> None:
    assert faults(model, ["prior", "interpolation"], digits, tmp_path) == []


def test_an_adversarial_autoencoder_is_sound_without_its_critic(digits: ArrayDataset, tmp_path: Path) -> None:
    model = zoo.build("aae", data="digits", **NARROW)
    assert faults(model, ["prior"], digits, tmp_path) == []
    assert any("critics" in name for name in model.state_dict())
    assert not any("critics" in name for name in zoo.load(tmp_path).published_state())


def test_a_critic_that_is_not_trained_is_noticed(digits: ArrayDataset, tmp_path: Path) -> None:
    # init_std=0 is the init of torch, with no bias at 0, which would move by however little.
    still = {"training.players.critic.lr": 1e-30, "objective.adversarial-prior.init_std": 0.0}
    model = zoo.build("aae", data="digits", **NARROW, **still)
    assert "player critic did not move adversarial-prior" in faults(model, ["prior"], digits, tmp_path)


def test_a_part_that_is_not_trained_is_noticed(model: zoo.Model, digits: ArrayDataset, tmp_path: Path) -> None:
    model.parts["decoder"].requires_grad_(False)
    assert "player autoencoder did not move decoder" in faults(model, ["prior"], digits, tmp_path)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda picture: picture * float("nan"), "elbo.nll is not finite"),
        (lambda picture: picture + torch.rand(1), "sampler prior gives something else with the loaded model"),
    ],
    ids=["nan", "unseeded-noise"],
)
def test_a_decoder_that_goes_wrong_is_noticed(
    spoil: Any, fault: str, model: zoo.Model, digits: ArrayDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = model.parts["decoder"]
    sound = decoder.forward
    monkeypatch.setattr(decoder, "forward", lambda z, y=None: spoil(sound(z, y)))
    assert fault in faults(model, ["prior"], digits, tmp_path)


def test_an_objective_without_terms_is_noticed(
    model: zoo.Model, digits: ArrayDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.objectives["discreg"], "terms", lambda loss, step: iter(()))
    found = faults(model, ["prior"], digits, tmp_path)
    assert {"objective discreg gave no term", "objective discreg trains nothing"} <= set(found)


def test_weights_that_are_not_kept_are_noticed(
    model: zoo.Model, digits: ArrayDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = zoo.load

    def changed(folder: Path) -> zoo.Model:
        loaded = kept(folder)
        with torch.no_grad():
            loaded.parts["encoder"].head.bias.add_(1e-3)
        return loaded

    monkeypatch.setattr(zoo, "load", changed)
    assert "parts.encoder.head.bias is loaded as something else" in faults(model, ["prior"], digits, tmp_path)
