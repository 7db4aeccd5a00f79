"""Denoisers go into networks of others, and out of them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import timm
import torch
import torchvision
import zoo_fortified
from torch import Tensor, nn
from zoo_fortified import Fortified, fortify, without_noise

from zoo_core.errors import SettingError

FAST = {
    "torchvision/resnet18": (["layer2", "layer4", "avgpool"], 64),
    "torchvision/squeezenet1_1": (["features.7"], 64),
    "torchvision/mobilenet_v3_small": (["features.4"], 64),
    "torchvision/shufflenet_v2_x0_5": (["stage3"], 64),
    "torchvision/vit_b_16": (["encoder.layers.encoder_layer_1"], 224),
    "timm/resnet10t": (["layer3"], 64),
    "timm/efficientnet_lite0": (["blocks.2"], 64),
    "timm/mobilenetv2_035": (["blocks.3"], 64),
    "timm/convnext_atto": (["stages.1"], 64),
    "timm/vit_tiny_patch16_224": (["blocks.3"], 224),
    "timm/mixer_s32_224": (["blocks.1"], 224),
    "timm/swin_tiny_patch4_window7_224": (["layers.1"], 224),
}
SLOW = {
    **{f"torchvision/{name}": ([layer], side) for name, layer, side in (
        ("alexnet", "features.5", 96), ("vgg11", "features.10", 64), ("vgg16_bn", "features.23", 64),
        ("resnet34", "layer3", 64), ("resnet50", "layer2", 64), ("resnext50_32x4d", "layer2", 64),
        ("wide_resnet50_2", "layer2", 64), ("densenet121", "features.transition2", 64), ("googlenet", "inception4a", 64),
        ("mobilenet_v2", "features.6", 64), ("mobilenet_v3_large", "features.8", 64), ("mnasnet0_5", "layers.9", 64),
        ("regnet_y_400mf", "trunk_output.block2", 64), ("efficientnet_b0", "features.3", 64),
        ("convnext_tiny", "features.3", 64), ("swin_t", "features.3", 224),
    )},
    **{f"timm/{name}": ([layer], side) for name, layer, side in (
        ("resnet26", "layer2", 64), ("resnetv2_50", "stages.1", 64), ("seresnet33ts", "stages.1", 64),
        ("regnetx_002", "s2", 64), ("mobilenetv3_small_050", "blocks.2", 64), ("ghostnet_050", "blocks.3", 64),
        ("hardcorenas_a", "blocks.2", 64), ("rexnet_100", "features.5", 64), ("deit_tiny_patch16_224", "blocks.5", 224),
        ("poolformer_s12", "stages.1", 64), ("repvgg_a0", "stages.1", 64), ("dla34", "level3", 64),
    )},
}  # fmt: skip


def made(name: str) -> nn.Module:
    family, _, architecture = name.partition("/")
    torch.manual_seed(0)
    if family == "timm":
        net: nn.Module = timm.create_model(architecture, pretrained=False, num_classes=10)
    else:
        extra = {"aux_logits": False, "init_weights": False} if architecture == "googlenet" else {}
        net = torchvision.models.get_model(architecture, weights=None, num_classes=10, **extra)
    for weight in net.parameters():
        if not weight.any():  # a head of zeros would hide all that comes before it
            nn.init.normal_(weight, std=0.1)
    return net


def swin(name: str, layers: list[str]) -> list[str]:
    return layers if "swin" in name else []


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in module.state_dict().items()}


def check_one(name: str, layers: list[str], side: int) -> None:
    net, x = made(name).eval(), torch.rand(2, 3, side, side)
    names = set(net.state_dict())
    with torch.no_grad():
        before = net(x)
        same = fortify(net, layers, example=x, denoiser=lambda shape: nn.Identity(), channels_last=swin(name, layers))
        assert torch.equal(same(x), before)
        assert torch.equal(same.remove()(x), before)

    whole = fortify(net, layers, example=x, channels_last=swin(name, layers))
    assert {key for key in whole.state_dict() if key.startswith("net.")} == {f"net.{key}" for key in names}
    out, watched = whole.watched(x)
    assert list(watched) == layers
    assert all(seen.hidden.shape == seen.denoised.shape for seen in watched.values())
    (out.square().sum() + sum(seen.denoised.square().mean() for seen in watched.values())).backward()
    assert all(one.weight.grad is not None for one in whole.denoisers)

    with torch.no_grad(), without_noise(whole):
        seen = whole(x)
        twin = copy.deepcopy(whole)
        assert torch.equal(twin(x), seen)
        for weight in twin.denoisers.parameters():
            weight.add_(0.5)
        assert torch.equal(whole(x), seen)
        assert not torch.equal(twin(x), seen)
        twin.load_state_dict(whole.state_dict())
        assert torch.equal(twin(x), seen)
        assert torch.equal(whole.remove()(x), before)


@pytest.mark.parametrize("name", [name for name in FAST if "224" not in name and "vit" not in name])
def test_classifiers_of_others_are_fortified_and_given_back(name: str) -> None:
    check_one(name, *FAST[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SLOW, *(name for name in FAST if "224" in name or "vit" in name)])
def test_more_classifiers_of_others_are_fortified_and_given_back(name: str) -> None:
    check_one(name, *{**FAST, **SLOW}[name])


class Recurrent(nn.Module):
    """A recurrent layer and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.lstm(x)
        logits: Tensor = self.head(states)
        return logits


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))


@pytest.fixture
def fortified() -> Iterator[tuple[Fortified, Tensor]]:
    net, x = small(), torch.rand(4, 1, 8, 8)
    net(x)
    yield fortify(net, ["1", "4"], example=x), x


def test_a_recurrent_layer_is_denoised_at_each_place() -> None:
    torch.manual_seed(0)
    net = fortify(Recurrent(), ["lstm"], width=2)
    x = torch.rand(4, 7, 5)
    with without_noise(net):
        out, watched = net.watched(x)
        assert out.shape == (4, 7, 3)
        assert watched["lstm"].hidden.shape == (4, 7, 6)
        denoiser = net.denoisers[0]
        assert torch.allclose(denoiser(watched["lstm"].hidden[:, 2]), watched["lstm"].denoised[:, 2], atol=1e-6)


def test_it_pickles(fortified: tuple[Fortified, Tensor]) -> None:
    net, x = fortified
    twin = pickle.loads(pickle.dumps(net))
    with without_noise(net), without_noise(twin):
        assert torch.equal(twin(x), net(x))
        before = net.eval()(x)
        twin.remove()
        assert torch.equal(net(x), before)


@pytest.mark.parametrize("training", [True, False])
def test_it_compiles_whole(fortified: tuple[Fortified, Tensor], training: bool) -> None:
    net, x = fortified
    net.train(training)
    torch.compiler.reset()
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    torch.manual_seed(1)
    found = compiled(x)
    torch.manual_seed(1)
    assert torch.allclose(found, net(x), atol=1e-6)


def test_it_exports(fortified: tuple[Fortified, Tensor]) -> None:
    net, x = fortified
    with without_noise(net.eval()):
        exported = torch.export.export(net, (x,))
        assert torch.allclose(exported.module()(x), net(x), atol=1e-6)


def test_weights_are_tied_and_stay_so(fortified: tuple[Fortified, Tensor]) -> None:
    net, _ = fortified
    assert [name for name in weights(net) if name.startswith("denoisers.0")] == [
        "denoisers.0.weight",
        "denoisers.0.code_bias",
        "denoisers.0.bias",
    ]


def test_looking_for_shapes_leaves_the_net_and_the_generator_alone() -> None:
    net = small()
    net(torch.rand(4, 1, 8, 8))
    net[0].eval()
    state, before = torch.get_rng_state(), weights(net)
    fortify(net, ["1"], example=torch.rand(2, 1, 8, 8, generator=torch.Generator()), denoiser=lambda s: nn.Identity())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in weights(net).items())
    assert net[1].training and not net[0].training


@pytest.mark.parametrize(
    ("layers", "settings", "words"),
    [
        (["nowhere"], {}, "no module 'nowhere'"),
        ([], {}, "at least one layer"),
        (["1", "1"], {}, "each once"),
        (["1"], {"channels_last": ["4"]}, "not one of the fortified layers"),
        (["1"], {"example": torch.rand(2, 7)}, "could not be run on the example"),
    ],
)
def test_what_cannot_be_fortified_is_said(layers: list[str], settings: dict[str, Any], words: str) -> None:
    net = small()
    net(torch.rand(4, 1, 8, 8))
    with pytest.raises(SettingError, match=words):
        fortify(net, layers, **{"example": torch.rand(2, 1, 8, 8), **settings})


def test_a_module_that_is_not_used_is_refused() -> None:
    net = Recurrent()
    net.idle = nn.Linear(2, 2)
    with pytest.raises(SettingError, match="is not called"):
        fortify(net, ["idle"], example=torch.rand(2, 3, 5))


def test_the_package_offers_what_it_says() -> None:
    assert all(hasattr(zoo_fortified, name) for name in zoo_fortified.__all__)


FAMILIES = [
    "torchvision/resnet18",
    "torchvision/squeezenet1_1",
    "torchvision/mobilenet_v3_small",
    "torchvision/vit_b_16",
    "timm/efficientnet_lite0",
    "timm/convnext_atto",
    "timm/mixer_s32_224",
    "timm/swin_tiny_patch4_window7_224",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_families_compile_whole_in_both_modes_and_export(name: str) -> None:
    layers, side = FAST[name]
    x = torch.rand(2, 3, side, side)
    net = fortify(made(name), layers, example=x, channels_last=swin(name, layers))
    for mode in (True, False):
        torch.compiler.reset()
        net.train(mode)
        torch.manual_seed(1)
        found = torch.compile(copy.deepcopy(net), backend="eager", fullgraph=True)(x)
        torch.manual_seed(1)
        assert torch.allclose(found, copy.deepcopy(net)(x), rtol=1e-4, atol=1e-5)
    with without_noise(net), torch.no_grad():
        assert torch.allclose(torch.export.export(net, (x,)).module()(x), net(x), rtol=1e-4, atol=1e-5)
