"""The joint discriminator and ALI's own net for images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from zoo_core.building.builder import build_part
from zoo_core.errors import IncompatibleError

SMALL: dict[str, Any] = {"name": "joint", "latent_dim": 3, "hidden": [6, 5], "code_hidden": [4]}


def joint(shape: tuple[int, int, int] = (1, 8, 8), **settings: Any) -> Any:
    net = {"name": "mlp", "hidden": [7], "layers": ["hidden1"]}
    return build_part("feature-extractor", {**SMALL, "net": net, **settings}, image_shape=shape)


@pytest.mark.parametrize(
    "net", ["mlp", "dcgan", "resnet", {"name": "small-cnn", "layers": ["conv3"]}, "maxout-cnn"], ids=str
)
def test_any_extractor_sees_the_image(net: Any) -> None:
    own = joint((3, 32, 32), net=net)
    x, z = torch.rand(2, 3, 32, 32), torch.randn(2, 3)
    features = own.eval().features(x, z)
    assert features["score"].shape == (2, 1) and features["features"].shape == (2, 5)
    assert not torch.equal(features["score"], own.features(1 - x, z)["score"])
    assert not torch.equal(features["score"], own.features(x, -z)["score"])


def test_without_the_code_it_is_a_discriminator_of_images() -> None:
    own = joint(sees_code=False)
    x = torch.rand(2, 1, 8, 8)
    assert torch.equal(own(x, torch.randn(2, 3))[1], own(x, torch.randn(2, 3))[1])
    assert own.inputs == ("x", "z") and own.latent_dim == 3


def test_a_layer_of_the_net_can_be_chosen() -> None:
    own = joint(net={"name": "mlp", "hidden": [7, 9]}, layer="hidden1")
    assert own.of_all[0].in_features == 7 + 4
    with pytest.raises(IncompatibleError, match="hidden3"):
        joint(net={"name": "mlp", "hidden": [7], "layers": ["hidden1"]}, layer="hidden3")


def test_spectral_norm_bounds_every_layer() -> None:
    own = joint(spectral_norm=True).train()
    for _ in range(200):
        own(torch.rand(2, 1, 8, 8), torch.randn(2, 3))
    linear = [m for m in own.modules() if isinstance(m, nn.Linear)]
    assert len(linear) == 5
    assert all(torch.linalg.matrix_norm(m.weight, 2) < 1.01 for m in linear)


def test_maxout_is_the_largest_of_its_pieces() -> None:
    net: Any = build_part("feature-extractor", {"name": "maxout-cnn", "width": 2, "pieces": 3}, image_shape=(1, 32, 32))
    stage = net.stages[0]
    x = torch.rand(2, 1, 32, 32)
    raw = stage.conv(x)
    by_hand = torch.stack(
        [torch.stack([raw[:, 3 * unit + piece] for piece in range(3)]).amax(0) for unit in range(2)], 1
    )
    assert torch.equal(stage(x), by_hand)
    assert net(x)[0].shape == (2, 32, 1, 1) and net.shapes == {"conv5": (32, 1, 1)}


def test_alis_own_net_has_the_widths_of_its_table() -> None:
    net: Any = build_part("feature-extractor", "maxout-cnn", image_shape=(3, 32, 32))
    assert [stage.conv.out_channels for stage in net.stages] == [64, 128, 256, 512, 1024]
    assert (
        sum(p.numel() for p in net.parameters())
        == 5 * 5 * 3 * 64 + 64 + 4 * 4 * (32 * 128 + 64 * 256 + 128 * 512 + 256 * 1024) + 1920
    )
