"""The small classifiers, and the one that travels along."""

from __future__ import annotations

import pytest
import torch

import zoo_core as zoo
from zoo_core.building.builder import build_part
from zoo_core.errors import SettingError
from zoo_core.interfaces import FeatureExtractor, Labels


def build(
    name: str, image_shape: tuple[int, int, int], labels: Labels | None = None, **params: object
) -> FeatureExtractor:
    part = build_part("feature-extractor", {"name": name, **params}, image_shape=image_shape, labels=labels)
    assert isinstance(part, FeatureExtractor)
    return part.eval()


def test_the_shipped_classifier_reads_held_out_digits() -> None:
    split = zoo.open_dataset("digits").split("test")
    assert isinstance(split.x, torch.Tensor) and split.y is not None
    net = build("digit-classifier", (1, 32, 32), layers=["logits"])
    with torch.no_grad():
        right = net.features(split.x.float() / 255)["logits"].argmax(1) == split.y
    assert right.float().mean() >= 0.97


def test_it_reads_larger_digits_in_colour_too() -> None:
    split = zoo.open_dataset("digits").split("test")
    assert isinstance(split.x, torch.Tensor) and split.y is not None
    large = torch.nn.functional.interpolate(split.x.float() / 255, (64, 64), mode="bilinear").expand(-1, 3, -1, -1)
    net = build("digit-classifier", (3, 64, 64), layers=["logits"])
    with torch.no_grad():
        assert (net.features(large)["logits"].argmax(1) == split.y).float().mean() >= 0.97


@pytest.mark.parametrize("name", ["digit-classifier", "small-cnn", "celeba-classifier"])
def test_hidden_layers_stand_before_the_relu(name: str) -> None:
    torch.manual_seed(0)
    net = build(name, (3, 64, 64), Labels("attributes", tuple(map(str, range(40)))))
    features = net.features(torch.rand(4, 3, 64, 64))
    for layer in ("conv1", "conv2", "conv3"):
        assert (features[layer] < 0).any(), layer
        assert tuple(features[layer].shape[1:]) == net.shapes[layer]


def test_the_celeba_net_is_the_papers() -> None:
    net = build("celeba-classifier", (3, 64, 64), Labels("attributes", tuple(map(str, range(40)))), layers=["logits"])
    kernels = [tuple(m.weight.shape) for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    assert kernels == [(32, 3, 4, 4), (32, 32, 3, 3), (64, 32, 4, 4), (64, 64, 3, 3), (128, 64, 3, 3), (128, 128, 3, 3)]
    assert [m.out_features for m in net.modules() if isinstance(m, torch.nn.Linear)] == [1000, 40]


def test_logits_without_labels_are_refused() -> None:
    with pytest.raises(SettingError, match="no labels to classify"):
        build("small-cnn", (1, 32, 32))


def test_a_trained_classifier_serves_as_a_part(tmp_path: object) -> None:
    model = zoo.build("classifier", data="digits", **{"classifier.width": 4, "classifier.hidden": 16})
    model.save(f"{tmp_path}/classifier")
    regularised = zoo.build(
        "discreg-vae", data="digits", classifier=f"{tmp_path}/classifier", **{"classifier.layers": ["conv1", "conv2"]}
    )
    ours, theirs = regularised.parts["classifier"].state_dict(), model.parts["classifier"].state_dict()
    assert ours and all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
    assert str(tmp_path) not in str(regularised.config)
