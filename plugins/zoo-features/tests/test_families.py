"""torchvision's and timm's nets as feature extractors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from zoo_features import timm_family, torchvision_family
from zoo_features.grid import as_map, grid_of
from zoo_features.timm_family import Timm
from zoo_features.torchvision_family import Torchvision

import zoo_core as zoo
from zoo_core.building.builder import build_part
from zoo_core.building.extractors import find_judge
from zoo_core.cli import main
from zoo_core.data import ArrayDataset
from zoo_core.errors import IncompatibleError, SettingError, UnknownName, WeightsError
from zoo_core.interfaces import FeatureExtractor, Labels

SHARED = Path(os.environ.get("ZOO_SHARED_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
LITE0 = SHARED / "weights" / "imagenet_tf_efficientnet_lite0.safetensors"

NETS = [
    ("torchvision", "resnet18", 5),
    ("torchvision", "mobilenet_v3_small", 5),
    ("timm", "resnet18", 5),
    ("timm", "convnext_atto", 4),
    ("timm", "tf_efficientnet_lite0", 5),
    ("timm", "test_vit", 6),
]


def extractor(
    family: str, architecture: str, image_shape: tuple[int, int, int] = (3, 64, 64), **params: object
) -> FeatureExtractor:
    torch.manual_seed(0)
    params.setdefault("weights", None)
    cls = {"torchvision": Torchvision, "timm": Timm}[family]
    return cls(architecture=architecture, image_shape=image_shape, **params).eval()  # type: ignore[arg-type]


def parameter_names(net: torch.nn.Module) -> set[str]:
    return {name for name, _ in net.named_parameters()}


@pytest.mark.parametrize(("family", "architecture", "count"), NETS)
def test_stages_are_maps_of_the_announced_shapes_and_pass_the_gradient_to_the_image(family, architecture, count):
    net = extractor(family, architecture).requires_grad_(False)
    x = torch.rand(2, 3, 64, 64, requires_grad=True)
    activations = net(x)
    assert len(activations) == len(net.layers) == count
    assert [tuple(a.shape[1:]) for a in activations] == [net.shapes[layer] for layer in net.layers]
    assert all(a.ndim == 4 for a in activations)
    heights = [a.shape[2] for a in activations]
    assert heights == sorted(heights, reverse=True)
    for a in activations:
        gradient = torch.autograd.grad((a * torch.randn_like(a)).sum(), x, retain_graph=True)[0]
        assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_torchvision_and_timm_give_the_same_for_the_same_weights():
    for layers in ("stages", "last", "logits"):
        ours, theirs = extractor("torchvision", "resnet18", layers=layers), extractor("timm", "resnet18", layers=layers)
        theirs.net.load_state_dict(ours.net.state_dict())
        x = torch.rand(2, 3, 64, 64)
        for a, b in zip(ours(x), theirs(x), strict=True):
            torch.testing.assert_close(a, b)


def test_stages_last_and_logits_are_those_of_the_plain_net():
    net = extractor("torchvision", "resnet18", layers=["layer2", "last", "logits"])
    plain = torchvision.models.resnet18(weights=None).eval()
    plain.load_state_dict(net.net.state_dict())
    x = torch.rand(2, 3, 64, 64)
    mean, std = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    h = (x - mean) / std
    stem = plain.maxpool(plain.relu(plain.bn1(plain.conv1(h))))
    second = plain.layer2(plain.layer1(stem))
    last = plain.avgpool(plain.layer4(plain.layer3(second))).flatten(1)
    for a, b in zip(net(x), (second, last, plain.fc(last)), strict=True):
        torch.testing.assert_close(a, b)


def test_an_asked_layer_is_not_changed_by_what_follows_it_in_place():
    x = torch.rand(2, 3, 64, 64)
    for family in ("torchvision", "timm"):
        early = extractor(family, "resnet18", layers=["layer1.0.bn2"])
        late = extractor(family, "resnet18", layers=["layer1.0.bn2", "layer4"])
        late.net.load_state_dict(early.net.state_dict(), strict=False)
        torch.testing.assert_close(late(x)[0], early(x)[0])


@pytest.mark.parametrize("family", ["torchvision", "timm"])
def test_nothing_after_the_last_asked_layer_is_kept(family):
    for layers in ([1], ["layer1"], ["layer1.1.bn2"]):
        names = parameter_names(extractor(family, "resnet18", layers=layers))
        assert any(".layer1.1." in name for name in names)
        assert not any(part in name for name in names for part in (".layer2.", ".layer3.", ".layer4.", ".fc."))
    assert not any(".fc." in name for name in parameter_names(extractor(family, "resnet18", layers="last")))
    assert any(".fc." in name for name in parameter_names(extractor(family, "resnet18", layers="logits")))


def test_the_last_blocks_of_a_transformer_do_not_run():
    net = extractor("timm", "test_vit", layers=[0, 2])
    ran = [name for name in parameter_names(net) if "blocks." in name]
    assert {int(name.split("blocks.")[1].split(".")[0]) for name in ran} == {0, 1, 2}
    net.net.blocks[3].register_forward_hook(lambda *_: pytest.fail("block 3 ran"))
    net(torch.rand(1, 3, 64, 64))


@pytest.mark.parametrize("family", ["torchvision", "timm"])
def test_layers_go_by_index_by_name_and_by_preset(family):
    stages = extractor(family, "resnet18").layers
    assert stages[1:] == ("layer1", "layer2", "layer3", "layer4")
    assert extractor(family, "resnet18", layers=[-1, 1]).layers == ("layer1", "layer4")
    assert extractor(family, "resnet18", layers=["layer2.0.conv1"]).shapes == {"layer2.0.conv1": (128, 8, 8)}
    assert extractor(family, "resnet18", layers="last").shapes == {"last": (512,)}
    logits = extractor(family, "resnet18", layers=[0, "logits"])
    assert logits.shapes["logits"] == (1000,) and logits.capabilities == {"logits"}


def test_swin_maps_are_nchw():
    with torch.device("meta"):
        theirs = extractor("timm", "swin_tiny_patch4_window7_224", layers=["layers.1", "layers.1.blocks.0.mlp.fc1"])
        ours = extractor("torchvision", "swin_t", layers=[0, 3])
    assert theirs.preprocessing.size == (224, 224)  # its windows and its patches are of fixed size
    assert theirs.shapes == {"layers.1": (192, 28, 28), "layers.1.blocks.0.mlp.fc1": (768, 28, 28)}
    assert list(ours.shapes.values()) == [(96, 16, 16), (768, 2, 2)]


def test_blocks_of_a_transformer_are_maps_without_the_class_token():
    with torch.device("meta"):
        net = extractor("torchvision", "vit_b_16", layers=[0, 11, "last"])
    assert net.preprocessing.size == (224, 224)
    assert list(net.shapes.values()) == [(768, 14, 14), (768, 14, 14), (768,)]


def test_tokens_become_the_map_that_they_were_cut_from():
    image = torch.randn(2, 5, 3, 6)
    tokens = image.flatten(2).transpose(1, 2)
    with_class = torch.cat([torch.zeros(2, 1, 5), tokens], 1)
    assert torch.equal(as_map(tokens, "", (48, 96)), image)
    assert torch.equal(as_map(with_class, "", (48, 96), prefix=1), image)
    assert torch.equal(as_map(image.permute(0, 2, 3, 1), "", (48, 96), channels_last=True), image)
    assert as_map(torch.randn(2, 7, 5), "", (48, 96)).shape == (2, 5, 7, 1)
    assert grid_of(16, (32, 32)) == (4, 4) and grid_of(17, (32, 32)) is None
    with pytest.raises(SettingError, match="neither a map nor tokens"):
        as_map(torch.randn(2, 3, 4, 5, 6), "net: layer", (4, 4))


def test_grey_images_are_taken_as_three_equal_channels():
    for family in ("torchvision", "timm"):
        grey = extractor(family, "resnet18", (1, 64, 64), layers=[1])
        colour = extractor(family, "resnet18", layers=[1])
        x = torch.rand(2, 1, 64, 64)
        torch.testing.assert_close(grey(x)[0], colour(x.expand(-1, 3, -1, -1))[0])


def test_images_keep_their_size_where_the_net_takes_it():
    assert extractor("timm", "resnet18", (3, 32, 48), layers=[1]).shapes == {"layer1": (64, 8, 12)}
    assert extractor("timm", "resnet18", (3, 32, 32), layers=[1], size=64).shapes == {"layer1": (64, 16, 16)}
    assert extractor("torchvision", "alexnet", (3, 16, 16), layers=[2]).preprocessing.size == (224, 224)


@pytest.mark.parametrize("family", ["torchvision", "timm"])
def test_weights_from_a_file_are_read_strictly_and_without_the_dropped_head(family, tmp_path):
    tensors = extractor(family, "resnet18", layers="logits").net.state_dict()
    tensors = {name: torch.randn_like(t) if t.is_floating_point() else t for name, t in tensors.items()}
    path = tmp_path / "net.safetensors"
    save_file(tensors, path)
    net = extractor(family, "resnet18", layers=[1], weights=str(path))
    assert torch.equal(net.net.get_submodule("layer1.0.conv1").weight, tensors["layer1.0.conv1.weight"])
    for wrong in (
        {k: v for k, v in tensors.items() if k != "conv1.weight"},
        {**tensors, "layer1.9.weight": torch.zeros(1)},
    ):
        save_file(wrong, path)
        with pytest.raises(WeightsError, match=r"missing conv1\.weight|unexpected layer1\.9\.weight"):
            extractor(family, "resnet18", layers=[1], weights=str(path))


@pytest.mark.skipif(not LITE0.is_file(), reason="no shared data")
def test_efficientnet_lite0_loads_and_equals_the_plain_net():
    net = extractor("timm", "tf_efficientnet_lite0", (3, 32, 32), weights=str(LITE0))
    assert net.preprocessing.size is None and net.preprocessing.mean.flatten().tolist() == [0.5] * 3
    assert [shape[1] for shape in net.shapes.values()] == [16, 8, 4, 2, 1]
    plain = timm.create_model("tf_efficientnet_lite0", pretrained=False, checkpoint_path=str(LITE0)).eval()
    x = torch.rand(2, 3, 32, 32)
    h = plain.bn1(plain.conv_stem(2 * x - 1))
    for i, block in enumerate(plain.blocks):
        h = block(h)
        if f"blocks.{i}" in net.layers:
            torch.testing.assert_close(net.features(x)[f"blocks.{i}"], h)


@pytest.mark.parametrize(
    ("family", "near", "name"), [("timm", "resnet18", "resnet18x"), ("torchvision", "vit_b_16", "vit_b_61")]
)
def test_an_unknown_architecture_is_refused_with_what_is_near(family, near, name):
    with pytest.raises(UnknownName, match=f'did you mean .*"{near}"'):
        extractor(family, name)
    with pytest.raises(UnknownName):
        extractor("timm", "hf-hub:someone/net")


@pytest.mark.parametrize("family", ["torchvision", "timm"])
def test_wrong_settings_are_refused_with_what_would_be_right(family):
    with pytest.raises(SettingError, match=r"its layers are .*layer1"):
        extractor(family, "resnet18", layers=[7])
    with pytest.raises(SettingError, match="did you mean"):
        extractor(family, "resnet18", layers=["layer1.0.conv9"])
    with pytest.raises(SettingError, match="no layer is asked for"):
        extractor(family, "resnet18", layers=[])
    with pytest.raises(SettingError, match="made for 224×224"), torch.device("meta"):
        extractor(family, {"timm": "vit_tiny_patch16_224", "torchvision": "vit_b_16"}[family], layers="last", size=32)


def test_a_torchvision_net_without_published_safetensors_says_what_to_give():
    with pytest.raises(WeightsError, match=r"timm/squeezenet1_0.*weights=None"):
        extractor("torchvision", "squeezenet1_0", weights="default")


def test_families_build_by_name():
    net = build_part(
        "feature-extractor", {"name": "timm/resnet18", "layers": [0], "weights": None}, image_shape=(3, 32, 32)
    )
    assert isinstance(net, Timm) and net.shapes == {"act1": (64, 16, 16)}
    assert len(Timm.architectures()) > 1000 and "resnet18" in Torchvision.architectures()


@pytest.mark.parametrize("family", ["torchvision", "timm"])
def test_a_net_has_as_many_logits_as_it_is_told(family):
    net = extractor(family, "resnet18", layers=["logits"], classes=7)
    assert net.shapes == {"logits": (7,)} and net(torch.rand(2, 3, 64, 64))[0].shape == (2, 7)


def published(family: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """What the family's published weights of resnet18 are from now on."""
    tensors = {
        name: torch.randn_like(t) if t.is_floating_point() else t
        for name, t in extractor(family, "resnet18", layers="logits").net.state_dict().items()
    }
    module = {"timm": timm_family, "torchvision": torchvision_family}[family]
    repo = {"timm": "timm/resnet18.a1_in1k", "torchvision": "timm/resnet18.tv_in1k"}[family]
    reference = {"repo": repo, "commit": "0" * 40, "file": "model.safetensors", "sha256": "0" * 64}
    monkeypatch.setattr(
        module, "fetch", lambda weights, default, who: (tensors, reference) if weights else (None, None)
    )
    return tensors


@pytest.mark.parametrize("family", ["torchvision", "timm"])
def test_other_classes_than_the_published_ones_get_a_new_head_on_the_published_net(family, monkeypatch):
    tensors = published(family, monkeypatch)
    net = extractor(family, "resnet18", layers=["logits"], classes=7, weights="default")
    own = net.net.state_dict()
    assert own["fc.weight"].shape == (7, 512)
    assert all(torch.equal(own[name], t) for name, t in tensors.items() if not name.startswith("fc."))
    # The head is nowhere published: it has to be saved.
    assert net.weights_reference is None and net.labels.count == 0
    headless = extractor(family, "resnet18", layers=["layer4"], classes=7, weights="default")
    assert headless.weights_reference is not None
    whole = extractor(family, "resnet18", layers=["logits"], classes=1000, weights="default")
    assert (
        torch.equal(whole.net.state_dict()["fc.weight"], tensors["fc.weight"]) and whole.weights_reference is not None
    )


@pytest.mark.parametrize(("family", "first"), [("torchvision", "tench"), ("timm", "n01440764")])
def test_published_weights_know_their_classes_by_name_and_others_do_not(family, first, monkeypatch):
    published(family, monkeypatch)
    net = extractor(family, "resnet18", layers=["logits"], weights="default")
    assert net.labels.type == "classes" and net.labels.count == len(set(net.labels.names)) == 1000
    assert net.labels.names[0] == first
    assert extractor(family, "resnet18", layers=["logits"]).labels.count == 0


@pytest.mark.parametrize(
    ("family", "names"), [("torchvision", ("goldfish", "tench")), ("timm", ("n01443537", "n01440764"))]
)
def test_a_published_classifier_judges_by_the_names_of_its_classes(family, names, monkeypatch):
    published(family, monkeypatch)
    small = {"encoder": {"name": "mlp", "hidden": [4]}, "decoder": {"name": "mlp", "hidden": [4]}}
    images = (torch.rand(20, 3, 32, 32), torch.arange(20) % 2)
    data = ArrayDataset(*images, class_names=names)
    model = zoo.build("vae", data=data, **small)
    assert find_judge(f"{family}/resnet18", model).places == (1, 0)


def test_a_layer_of_torchvision_is_the_module_that_has_its_name():
    with torch.device("meta"):
        net = extractor("torchvision", "vit_b_16", layers=["encoder.layers.encoder_layer_0.ln_2"])
    names = {name.removeprefix("net.encoder.layers.encoder_layer_0.") for name in parameter_names(net)}
    # The second normalisation and what lies before it, but not the MLP behind it. (torchvision's own names count calls of "ln".)
    assert {"ln_1.weight", "ln_2.weight"} <= names and not any(name.startswith("mlp.") for name in names)
    assert isinstance(net.layer_module("encoder.layers.encoder_layer_0.ln_2"), torch.nn.LayerNorm)


QUICK = ["timm/test_vit", "timm/mobilenetv3_small_050", "torchvision/squeezenet1_1", "torchvision/shufflenet_v2_x0_5"]
MORE = [
    "timm/resnet18", "timm/convnext_atto", "timm/tf_efficientnet_lite0", "timm/regnetx_002", "timm/mixer_s32_224", "timm/ghostnet_050",
    "timm/deit_tiny_distilled_patch16_224", "timm/swin_tiny_patch4_window7_224", "timm/vgg11", "timm/densenet121", "timm/inception_v3",
    "timm/edgenext_xx_small", "timm/coat_lite_tiny", "timm/levit_128s", "torchvision/resnet18", "torchvision/mobilenet_v3_small",
    "torchvision/densenet121", "torchvision/googlenet", "torchvision/mnasnet0_5", "torchvision/regnet_y_400mf", "torchvision/alexnet",
    "torchvision/efficientnet_b0", "torchvision/vgg11", "torchvision/inception_v3", "torchvision/swin_t", "torchvision/vit_b_32",
    "torchvision/convnext_tiny", "torchvision/maxvit_t",
]  # fmt: skip


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)])
def test_nets_of_many_families_train_on_small_images_and_come_back(name, tmp_path):
    data = (torch.rand(12, 1, 28, 28), torch.arange(12) % 3)
    model = zoo.build("classifier", data=data, classifier={"name": name, "weights": None})
    net = model.parts["classifier"]
    before = {key: t.clone() for key, t in model.state_dict().items()}
    # Several rounds: what lies behind a branch or a head that starts at zero gets no gradient in the first.
    for played in zoo.rounds(model, data, epochs=3, batch_size=5, device="cpu"):
        assert all(torch.isfinite(torch.as_tensor(value)) for value in played.terms.values())
    moved = [key for key, t in model.named_parameters() if not torch.equal(t, before[key])]
    assert len(moved) > 0.9 * len(list(model.parameters())), [
        key for key, _ in model.named_parameters() if key not in moved
    ][:5]
    model.save(tmp_path / "saved")
    again = zoo.load(tmp_path / "saved")
    x = torch.rand(2, 1, 28, 28)
    assert net.shapes["logits"] == (3,)
    model.eval()
    again.eval()
    assert torch.equal(again.parts["classifier"](x)[0], net(x)[0])


@pytest.mark.parametrize("name", ["timm/mobilenetv3_small_050", "torchvision/mobilenet_v3_small", "cifar-resnet20"])
def test_what_a_classifier_lacks_in_another_model_is_said_with_what_to_set(name):
    data = (torch.rand(20, 1, 16, 16), torch.arange(20) % 4)
    given = {"objective": ["elbo", "cross-entropy"], "encoder": "mlp", "decoder": "mlp", "data": data}
    net = {"name": name, "weights": None, "trainable": True}
    if name.startswith("cifar"):
        net["layers"] = ["logits"]
    else:
        with pytest.raises(IncompatibleError) as refused:
            zoo.build("vae", classifier=net, **given)
        assert "classifier.layers=logits" in str(refused.value.hint)
        net["layers"] = "logits"
    with pytest.raises(IncompatibleError) as refused:
        zoo.build("vae", classifier=net, **given)
    assert refused.value.hint == "set classifier.classes=4"
    players = {"training.players.autoencoder.trains": ["encoder", "decoder", "classifier"]}
    zoo.build("vae", classifier={**net, "classes": 4}, **given, **players)


@pytest.mark.parametrize("name", ["cifar-resnet20", pytest.param("timm/mobilenetv3_small_050", marks=pytest.mark.slow)])
def test_the_command_line_trains_any_net_as_a_classifier_and_another_model_takes_it(name, tmp_path):
    line = [
        "train",
        "classifier",
        "--data",
        "digits",
        "--epochs",
        "1",
        "--set",
        f"classifier={name}",
        "--set",
        "classifier.weights=null",
    ]
    assert main([*line, "--set", "image_size=8", "--out", str(tmp_path / "run")]) == 0
    saved = zoo.load(tmp_path / "run")
    assert saved.parts["classifier"].shapes == {"logits": (10,)}
    assert main(["eval", str(tmp_path / "run"), "--data", "digits", "--metric", "accuracy"]) == 0
    taken = zoo.build(
        "discreg-vae", data="digits", image_size=8, encoder="mlp", decoder="mlp", classifier=str(tmp_path / "run")
    )
    own, theirs = taken.parts["classifier"].state_dict(), saved.parts["classifier"].state_dict()
    assert own and all(torch.equal(t, theirs[key]) for key, t in own.items())


def test_the_recipe_s_classifier_has_a_logit_for_each_attribute_too():
    given = {"image_shape": (3, 16, 16), "objective": ["attribute-bce"], "classifier": "cifar-resnet20"}
    model = zoo.build("classifier", labels=Labels("attributes", ("a", "b", "c")), **given)
    assert model.parts["classifier"].shapes == {"logits": (3,)}
    model = zoo.build("classifier", labels=Labels("classes", ("a", "b")), classifier="cifar-resnet20")
    assert model.parts["classifier"].shapes == {"logits": (2,)}
