"""The CIFAR ResNets with their real weights."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

import zoo_core as zoo
from zoo_core.building.builder import build_part
from zoo_core.errors import WeightsError
from zoo_core.interfaces import FeatureExtractor

SHARED = Path(os.environ.get("ZOO_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
needs_data = pytest.mark.skipif(not (SHARED / "weights").is_dir(), reason="the shared data are not here")


def build(depth: int, **params: object) -> FeatureExtractor:
    part = build_part("feature-extractor", {"name": f"cifar-resnet{depth}", **params}, image_shape=(3, 32, 32))
    assert isinstance(part, FeatureExtractor)
    return part.eval()


def file(depth: int) -> str:
    return str(SHARED / "weights" / f"cifar10_resnet{depth}.safetensors")


@needs_data
def test_the_real_net_classifies_real_images() -> None:
    split = zoo.open_dataset("cifar10", root=str(SHARED), settings={"variant": "exact"}).split("test")
    net = build(20, weights=file(20), layers=["logits"])
    assert isinstance(split.x, torch.Tensor) and split.y is not None
    with torch.no_grad():
        right = net.features(split.x[:400].float() / 255)["logits"].argmax(1) == split.y[:400]
    # Published: 91.78 % of the whole test set.
    assert right.float().mean() > 0.88


@needs_data
def test_a_file_of_another_depth_is_refused_with_the_difference() -> None:
    with pytest.raises(WeightsError, match=r"do not fit cifar-resnet20: unexpected layer1\.3\.bn1\.bias"):
        build(20, weights=file(32), layers=["logits"])


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_depth_counts_the_layers_with_weights(depth: int) -> None:
    net = build(depth, layers=["logits"])
    assert sum(isinstance(m, torch.nn.Conv2d | torch.nn.Linear) for m in net.modules()) == depth


def test_shortcuts_have_no_parameters_and_pad_with_zeros() -> None:
    net = build(20, layers=["layer1", "layer2.0"])
    for block in net.get_submodule("layer2").children():
        torch.nn.init.zeros_(block.bn2.weight)  # the block's own branch gives nothing: what is left is the shortcut
    features = net.features(torch.rand(1, 3, 32, 32))
    before, after = features["layer1"], features["layer2.0"]
    assert torch.equal(after[:, 8:24], before[:, :, ::2, ::2])
    assert not after[:, :8].any() and not after[:, 24:].any()


def test_the_last_block_and_its_stage_are_one_layer() -> None:
    assert build(20, layers=["layer1.2"]).layers == ("layer1",)


def test_early_layers_come_without_the_rest_of_the_net() -> None:
    names = {name.split(".")[0] for name, _ in build(20, layers=["layer1"]).named_parameters()}
    assert names == {"conv1", "bn1", "layer1"}
