"""VGG against torchvision's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from zoo_core.building.builder import build_part
from zoo_core.errors import SettingError
from zoo_core.interfaces import FeatureExtractor

MEAN = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
STD = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)
# Where torchvision's vgg11.features has the layers of these names.
PLACES = {"conv1_1": 0, "relu1_1": 1, "pool1": 2, "relu2_1": 4, "conv3_2": 8, "relu3_2": 9, "pool3": 10}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[torchvision.models.VGG, Path]:
    """torchvision's net with random weights, and a file of them as published ones are."""
    torch.manual_seed(0)
    net = torchvision.models.vgg11(weights=None).eval()
    path = tmp_path_factory.mktemp("weights") / "vgg11.safetensors"
    save_file({name: t for name, t in net.state_dict().items() if name.startswith("features.")}, path)
    return net, path


def build(**params: object) -> FeatureExtractor:
    part = build_part("feature-extractor", {"name": "vgg11", **params}, image_shape=(3, 32, 32))
    assert isinstance(part, FeatureExtractor)
    return part.eval()


def test_layers_by_name_are_torchvisions_activations(published: tuple[torchvision.models.VGG, Path]) -> None:
    net, path = published
    extractor = build(weights=str(path), layers=list(PLACES))
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        features = extractor.features(x)
        y = (x - MEAN) / STD
        for i, module in enumerate(net.features):
            # torchvision's ReLUs work in place: what stands before one is looked at first.
            y = module(y)
            for name, place in PLACES.items():
                if place == i:
                    assert torch.allclose(features[name], y, atol=1e-5), name
            y = y.clone()


def test_shapes_are_told_without_running() -> None:
    extractor = build(weights=None, layers=["relu1_1", "pool2"])
    assert extractor.shapes == {"relu1_1": (64, 32, 32), "pool2": (128, 8, 8)}


def test_average_pooling_takes_the_mean() -> None:
    extractor = build(weights=None, layers=["relu1_1", "pool1"], pooling="average")
    features = extractor.features(torch.rand(1, 3, 32, 32))
    assert torch.allclose(features["pool1"], torch.nn.functional.avg_pool2d(features["relu1_1"], 2))


def test_what_lies_behind_the_last_layer_is_dropped(published: tuple[torchvision.models.VGG, Path]) -> None:
    extractor = build(weights=str(published[1]), layers=["relu1_1"])
    assert [name for name, _ in extractor.named_parameters()] == ["net.0.weight", "net.0.bias"]


def test_a_layer_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingError, match=r'did you mean "relu2_1"'):
        build(weights=None, layers=["relu2_l"])
