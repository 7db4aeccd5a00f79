"""The recipes, as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import torch
import zoo_fortified

import zoo_core as zoo
from zoo_core.interfaces import FeatureExtractor


def extractor(model: zoo.Model) -> FeatureExtractor:
    return cast(FeatureExtractor, model.parts["classifier"])


def test_any_net_and_layers_by_name_with_an_attack(tmp_path: Path) -> None:
    model = zoo.build(
        "fortified-classifier",
        data="cifar10",
        net={"name": "timm/resnet10t", "weights": None},
        fortified=["layer3"],
        attack={"name": "pgd", "epsilon": 0.1},
    )
    shapes = extractor(model).shapes
    assert shapes == {
        "layer3": (256, 2, 2),
        "layer3.denoised": (256, 2, 2),
        "logits": (10,),
    }  # a new head for ten classes
    assert cast("zoo_fortified.DenoisingAutoencoder", extractor(model).denoisers[0]).weight.shape == (256, 256, 5, 5)
    model.save(tmp_path / "model")
    x = torch.rand(2, 3, 32, 32)
    twin = zoo.load(tmp_path / "model")
    assert torch.equal(zoo_fortified.off_manifold(twin, x)["layer3"], zoo_fortified.off_manifold(model, x)["layer3"])


@pytest.mark.parametrize("net", ["timm/swin_tiny_patch4_window7_224", "torchvision/swin_t"])
@pytest.mark.slow
def test_maps_with_channels_last_are_seen_as_maps(net: str) -> None:
    layer = "layers.1" if net.startswith("timm") else "features.3"
    made = zoo.build("fortified-classifier", data="cifar10", net={"name": net, "weights": None}, fortified=[layer])
    channels, height, width = extractor(made).shapes[layer]
    assert (channels, height) == (192, width)
    assert extractor(made)(torch.rand(2, 3, 32, 32))[0].shape == (2, channels, height, width)


@pytest.mark.parametrize("recipe", ["fortified-classifier-small", "adversarial-classifier-small"])
def test_the_small_ones_learn_digits(recipe: str, tmp_path: Path) -> None:
    model = zoo.build(recipe, data="digits", seed=0)
    zoo.train(model, data="digits", out=tmp_path / "run", epochs=6, progress=False)
    figures = {f.name: f.value for f in zoo.evaluate(model, data="digits", metrics=["accuracy"], limit=200)}
    assert figures["accuracy"] > 0.6


def test_the_nets_settings_are_reached() -> None:
    model = zoo.build("fortified-classifier-small", data="digits", **{"classifier.net.hidden": [20, 10]})
    assert extractor(model).shapes["hidden2"] == (10,)


def test_the_image_itself_can_be_fortified() -> None:
    model = zoo.build("fortified-classifier-small", data="digits", **{"classifier.fortified": ["hidden1", "input"]})
    assert extractor(model).shapes["input"] == (1, 32, 32)
    x = torch.rand(2, 1, 32, 32)
    with model.evaluating():
        features = extractor(model).features(x)
    assert torch.equal(features["input"], x)
    assert features["input.denoised"].shape == x.shape
    assert not torch.equal(features["input.denoised"], x)
