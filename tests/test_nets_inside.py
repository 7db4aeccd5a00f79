"""Nets that others change inside: their real modules, reached by the names of their layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from zoo_features.preprocessing import IMAGENET_MEAN, IMAGENET_STD

import zoo_core as zoo
from zoo_core.building.builder import build_part
from zoo_core.errors import SettingError
from zoo_core.game.step import Step
from zoo_core.interfaces import Batch, FeatureExtractor, Labels
from zoo_core.noise import KeyedNoise
from zoo_core.registry.components import registry
from zoo_core.testing.running import component_checks, run_check

pytestmark = pytest.mark.usefixtures("toys")
TEN = Labels("classes", tuple("0123456789"))
RESNET = {"weights": None, "classes": 10}


def test_a_net_changed_inside_passes_the_kit() -> None:
    found = [
        run_check(bound, None)
        for bound in component_checks(registry().resolve("feature-extractor", "toy-inside").entry)
    ]
    assert [f"{r.check}: {r.reason}" for r in found if r.status not in ("passed", "skipped")] == []
    assert len([r for r in found if r.status == "passed"]) >= 12


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("timm/resnet18", lambda: timm.create_model("resnet18", num_classes=10)),
        ("torchvision/resnet18", lambda: torchvision.models.resnet18(num_classes=10)),
    ],
)
def test_features_and_gradients_are_those_of_the_net_written_by_hand(name: str, plain: Callable[[], nn.Module]) -> None:
    spec = {"name": "toy-inside", "net": {"name": name, **RESNET}, "at": ["layer3"]}
    part = build_part("feature-extractor", spec, image_shape=(3, 32, 32), labels=TEN).double()
    net: Any = plain().double()
    inner: Any = cast(Any, part).net
    net.load_state_dict(inner.net.state_dict())
    x, y = torch.rand(4, 3, 32, 32, dtype=torch.float64), torch.tensor([1, 2, 3, 4])
    step = Step({"classifier": part}, Batch(x, y), KeyedNoise(0, 0))
    seen = step.features("classifier", of="x")

    mean, std = (torch.tensor(of).double().view(3, 1, 1) for of in (IMAGENET_MEAN, IMAGENET_STD))
    h = (x - mean) / std
    h = net.maxpool(torch.relu(net.bn1(net.conv1(h))))
    h = net.layer3(net.layer2(net.layer1(h)))
    third = h + nn.functional.conv2d(h, part.beside[0].weight, part.beside[0].bias)
    logits = net.fc(net.layer4(third).mean((2, 3)))
    for found, by_hand in ((seen["layer3"], third), (seen["logits"], logits)):
        torch.testing.assert_close(found, by_hand, rtol=0, atol=1e-12)

    def loss(features: dict[str, Tensor]) -> Tensor:
        return cross_entropy(features["logits"], y) + features["layer3"].square().mean()

    ours = dict(inner.net.named_parameters())
    found_slopes = torch.autograd.grad(loss(seen), [*ours.values(), *part.beside.parameters()])
    theirs = dict(net.named_parameters())
    slopes = torch.autograd.grad(
        loss({"layer3": third, "logits": logits}), [*(theirs[key] for key in ours), *part.beside.parameters()]
    )
    for found_slope, slope in zip(found_slopes, slopes, strict=True):
        torch.testing.assert_close(found_slope, slope, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "at"), [("timm/resnet18", "layer3"), ("torchvision/resnet18", "layer2"), ("cifar-resnet20", "layer2")]
)
def test_a_net_changed_inside_trains_and_comes_back_from_its_file(name: str, at: str, tmp_path: Path) -> None:
    net = {"name": name, "weights": None, "classes": 10}
    model = zoo.build(
        "classifier", data="digits", image_size=16, classifier={"name": "toy-inside", "net": net, "at": [at]}
    )
    before = {key: t.clone() for key, t in model.state_dict().items()}
    images = (torch.rand(40, *model.image_shape), torch.arange(40) % 10)
    assert len(list(zoo.rounds(model, images, epochs=1, batch_size=16, device="cpu"))) >= 2
    moved = {key for key, t in model.state_dict().items() if not torch.equal(t, before[key])}
    assert any(".beside.0." in key for key in moved) and any(".layer1.0.conv1." in key for key in moved)
    model.save(tmp_path / "saved")
    again = zoo.load(tmp_path / "saved").eval()
    x = torch.rand(2, *model.image_shape)
    model.eval()
    for layer, activation in model.parts["classifier"].features(x).items():
        assert torch.equal(again.parts["classifier"].features(x)[layer], activation), layer


LAYERS = [
    ("timm/resnet18", RESNET, "layer2"),
    ("timm/convnext_atto", RESNET, "stages.1"),
    ("timm/test_vit", RESNET, "blocks.2"),
    ("torchvision/resnet18", RESNET, "layer2"),
    ("torchvision/densenet121", RESNET, "features.denseblock1"),
    ("cifar-resnet20", {}, "layer2"),
    ("cifar-resnet20", {}, "layer1.1"),
    ("small-cnn", {"layers": ["logits"]}, "conv2"),
    ("small-cnn", {}, "logits"),
    ("vgg11", {"weights": None}, "relu1_1"),
    ("digit-classifier", {}, "conv1"),
]


@pytest.mark.parametrize(("name", "params", "layer"), LAYERS)
def test_a_hook_on_a_layer_s_module_sees_and_changes_what_the_net_goes_on_with(
    name: str, params: dict[str, Any], layer: str
) -> None:
    layers = {} if "layers" in params or name in ("vgg11", "small-cnn", "digit-classifier") else {"layers": ["logits"]}
    net = cast(
        FeatureExtractor,
        build_part("feature-extractor", {"name": name, **layers, **params}, image_shape=(3, 32, 32), labels=TEN),
    ).eval()
    x = torch.rand(2, 3, 32, 32)
    plain, seen = net(x)[-1], []
    hook = net.layer_module(layer).register_forward_hook(lambda _module, _args, out: seen.append(out) or out * 0)
    changed = net(x)[-1]
    hook.remove()
    assert len(seen) == 1 and not torch.equal(plain, changed)
    assert torch.equal(net(x)[-1], plain)


@pytest.mark.parametrize("name", ["timm/resnet18", "torchvision/resnet18", "cifar-resnet20"])
def test_a_layer_without_a_module_is_refused(name: str) -> None:
    net = cast(
        FeatureExtractor, build_part("feature-extractor", {"name": name, "weights": None}, image_shape=(3, 32, 32))
    )
    with pytest.raises(SettingError, match="layer9"):
        net.layer_module("layer9")


def test_a_torchvision_module_around_an_asked_layer_is_refused() -> None:
    spec = {"name": "torchvision/resnet18", "weights": None, "layers": ["layer2.0.conv1", "layer3"]}
    net = cast(FeatureExtractor, build_part("feature-extractor", spec, image_shape=(3, 32, 32)))
    assert isinstance(net.layer_module("layer3"), nn.Sequential)
    with pytest.raises(SettingError, match="does not call the module 'layer2'"):
        net.layer_module("layer2")
