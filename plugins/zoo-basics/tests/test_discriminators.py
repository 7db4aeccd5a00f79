"""Discriminators: sizes, normalisation source by source, spectral norm, labels."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from zoo_basics.discriminators.discriminator import Discriminator, spectrally_normalised

from zoo_core.building.builder import build_part
from zoo_core.errors import SettingError
from zoo_core.interfaces import Labels

CLASSES = Labels("classes", ("a", "b", "c"))
SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [6], "features": 5},
    "dcgan": {"width": 4, "features": 5},
    "resnet": {"width": 4, "features": 5},
}


def build(name: str, shape: tuple[int, int, int] = (3, 32, 32), **params: Any) -> Discriminator:
    part = build_part("feature-extractor", {"name": name, **params}, image_shape=shape, labels=CLASSES)
    assert isinstance(part, Discriminator)
    return part


@pytest.mark.parametrize(("side", "maps", "last"), [(32, 3, 4), (48, 3, 6), (64, 4, 4)])
def test_the_dcgan_discriminator_halves_to_the_sizes_of_the_paper(side: int, maps: int, last: int) -> None:
    layers = (*(f"conv{i}" for i in range(1, maps + 1)), "features", "score")
    net = build("dcgan", (3, side, side), width=8, layers=layers)
    assert net.shapes[f"conv{maps}"] == (8 * 2 ** (maps - 1), last, last)
    assert net.shapes["features"] == (1024,) and net.shapes["score"] == (1,)
    found = {layer: tuple(a.shape) for layer, a in net.features(torch.rand(2, 3, side, side)).items()}
    assert found == {layer: (2, *net.shapes[layer]) for layer in layers}


@pytest.mark.parametrize("name", SMALL)
def test_data_and_generated_images_are_normalised_apart(name: str) -> None:
    """The score of an image depends on its own batch, never on what else the net has been shown."""
    net = build(name, normalisation="batch", **SMALL[name]).train()
    data, other = torch.rand(6, 3, 32, 32), 5 * torch.rand(6, 3, 32, 32)
    alone = net.features(data)["score"]
    net.features(other)
    assert torch.equal(net.features(data)["score"], alone)
    assert not torch.allclose(net.features(torch.cat([data, other]))["score"][:6], alone)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("normalisation", ["none", "layer"])
def test_without_batch_norm_a_score_depends_on_its_image_alone(name: str, normalisation: str) -> None:
    net = build(name, normalisation=normalisation, **SMALL[name]).train()
    data = torch.rand(6, 3, 32, 32)
    assert torch.allclose(net.features(data)["score"][:2], net.features(data[:2])["score"], atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_spectral_norm_brings_every_largest_singular_value_to_one(name: str) -> None:
    net = build(name, spectral_norm=True, conditional=True, **SMALL[name]).train()
    for _ in range(100):  # the power iteration warms up
        net.features(torch.rand(2, 3, 32, 32), y=torch.tensor([0, 1]))
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert layers
    for layer in layers:
        assert torch.linalg.svdvals(layer.weight.flatten(1))[0].item() == pytest.approx(1, rel=0.01)


def test_spectral_norm_is_put_on_once() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Conv2d(3, 2, 1))
    spectrally_normalised(net)
    before = list(net.state_dict())
    spectrally_normalised(net)
    assert list(net.state_dict()) == before


def test_the_label_adds_the_inner_product_of_its_embedding_and_the_features() -> None:
    net = build("mlp", conditional=True, **SMALL["mlp"])
    x, y = torch.rand(4, 3, 32, 32), torch.tensor([2, 0, -1, 1])
    plain, told = net.features(x), net.features(x, y=y)
    assert net.head is not None and net.head.label is not None
    embedding = net.head.label.weight.t()
    addend = torch.stack([e @ h for e, h in zip(embedding[y], plain["features"], strict=True)])
    addend[2] = 0  # not known
    assert torch.allclose(told["score"][:, 0], plain["score"][:, 0] + addend, atol=1e-6)


def test_what_lies_behind_the_last_asked_layer_is_not_built() -> None:
    net = build("dcgan", width=4, layers=["conv1", "conv2"])
    assert net.layers == ("conv1", "conv2") and net.capabilities == frozenset()
    assert {name.split(".")[1] for name, _ in net.named_parameters()} == {"conv1", "conv2"}


@pytest.mark.parametrize(
    ("params", "labels", "said"),
    [
        ({"layers": ["conv9"]}, CLASSES, "there is no layer 'conv9'"),
        ({"layers": []}, CLASSES, "no layer is asked for"),
        ({"conditional": True}, Labels(), "needs data with classes"),
    ],
)
def test_what_cannot_be_is_refused(params: dict[str, Any], labels: Labels, said: str) -> None:
    with pytest.raises(SettingError, match=said) as refusal:
        build_part("feature-extractor", {"name": "dcgan", **params}, image_shape=(3, 32, 32), labels=labels)
    assert refusal.value.hint


def test_any_feature_extractor_becomes_a_discriminator() -> None:
    part = build_part(
        "feature-extractor",
        {"name": "score-head", "net": {"name": "small-cnn", "width": 2, "hidden": 8}, "layer": "conv2", "features": 6},
        image_shape=(1, 16, 16),
        labels=CLASSES,
    )
    assert part.capabilities == {"score"}
    net = part.get_submodule("net")
    x = torch.rand(3, 1, 16, 16)
    part.eval()
    maps = net.features(x)["conv2"].flatten(1)  # type: ignore[operator]
    hidden = torch.relu(part.get_submodule("hidden")[1](maps))  # type: ignore[index]
    score = part.get_submodule("head")(hidden)
    assert torch.allclose(part(x)[0], hidden) and torch.allclose(part(x)[1], score)
    assert all(p.requires_grad for p in part.parameters())
