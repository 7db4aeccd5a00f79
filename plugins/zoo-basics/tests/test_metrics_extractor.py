"""Any registered extractor or saved model can be looked through, and a figure says which it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from zoo_basics.metrics.extractor import ChosenExtractor, extractor_for
from zoo_basics.metrics.resizing import resize_rule

import zoo_core as zoo
from zoo_core.errors import DataError, SettingError, UnknownName, WeightsError
from zoo_core.interfaces import FeatureExtractor

GREY = (1, 32, 32)
COLOUR = (3, 24, 24)
SMALL = {"name": "torchvision/resnet18", "weights": None}


def of(features: Any, layer: str | None = None, wanted: Any = "features", shape: Any = GREY) -> ChosenExtractor:
    return extractor_for(features, layer, wanted, image_shape=shape)


@pytest.mark.parametrize(
    ("features", "layer", "wanted", "shape", "chosen", "width"),
    [
        ("digit-classifier", None, "features", GREY, "conv3 (mean over space)", 64),
        ("digit-classifier", "conv1", "features", GREY, "conv1 (mean over space)", 16),
        ("digit-classifier", None, "logits", GREY, "logits", 10),
        (SMALL, None, "features", COLOUR, "last", 512),
        (SMALL, None, "logits", COLOUR, "logits", 1000),
        ("cifar-resnet20", "pool", "features", COLOUR, "pool", 64),
        ("cifar-resnet20", None, "features", COLOUR, "layer3 (mean over space)", 64),
        (
            {"name": "digit-classifier", "layers": ["conv2", "logits"]},
            None,
            "features",
            GREY,
            "conv2 (mean over space)",
            32,
        ),
    ],
)
def test_the_usual_layer_is_the_last_before_the_logits(
    features: Any, layer: str | None, wanted: str, shape: Any, chosen: str, width: int
) -> None:
    extractor = of(features, layer, wanted, shape)
    assert extractor.protocol["layer"] == chosen
    assert extractor(torch.rand(3, *shape)).shape == (3, width)


def test_maps_are_averaged_over_space() -> None:
    x = torch.rand(2, *GREY)
    extractor = of("digit-classifier", "conv2")
    assert torch.equal(extractor(x), extractor.part.features(x)["conv2"].mean((2, 3)))


def test_the_hash_tells_weights_and_settings_apart_and_nothing_else() -> None:
    one = of("digit-classifier")
    assert one.sha256 == of({"name": "digit-classifier"}).sha256 == of("zoo-features:digit-classifier").sha256
    assert one.sha256 != of({"name": "digit-classifier", "weights": None}).sha256
    # The same weights, another size of image.
    assert of(SMALL, shape=COLOUR).sha256 != of({**SMALL, "size": 64}, shape=COLOUR).sha256


def test_the_resize_rule_says_what_is_done_to_the_size() -> None:
    assert of("digit-classifier").resize == "none, 32x32"
    assert of("digit-classifier", shape=(1, 28, 28)).resize == "bilinear, antialias, 28x28 to 32x32"
    assert of({**SMALL, "size": 64}, shape=COLOUR).resize == "bilinear, antialias, 24x24 to 64x64"

    class Nearest(FeatureExtractor):
        layers, shapes = ("pixels",), {"pixels": (1, 4, 4)}

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return (interpolate(x, scale_factor=0.5),)

    assert resize_rule(Nearest(), (1, 8, 8), torch.device("cpu")) == "nearest, 8x8 to 4x4"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained classifier in a folder."""
    model = zoo.build("classifier", data="digits", **{"classifier.width": 4, "classifier.hidden": 16})
    return model.save(tmp_path_factory.mktemp("saved") / "classifier")


def test_a_saved_models_extractor_is_taken_with_its_weights(saved: Path) -> None:
    x = torch.rand(3, *GREY)
    own = zoo.load(saved).parts["classifier"].eval()
    logits = of(str(saved), None, "logits")
    assert torch.equal(logits(x), own.features(x)["logits"])  # type: ignore[operator]
    inner = of(str(saved))
    assert (inner.name, inner.layer, inner.width) == ("small-cnn", "conv3", 16)
    assert str(saved) not in str(inner.protocol)


def test_what_cannot_be_looked_through_is_told(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match='did you mean "digit-classifier"'):
        of("digit-clasifier")
    with pytest.raises(SettingError, match="conv9"):
        of("digit-classifier", "conv9")
    with pytest.raises(SettingError, match="conv9"):
        of({"name": "digit-classifier", "layers": ["conv1"]}, "conv9")
    with pytest.raises(UnknownName):
        of("./there-is-none")
    with pytest.raises(SettingError, match=r"no feature extractor.*zoo train classifier"):
        of(str(zoo.build("vae-mlp", data="digits", latent_dim=2).save(tmp_path / "vae")))
    with pytest.raises(SettingError, match=r"no feature extractor 'critic'; it has classifier"):
        of({"name": str(saved), "part": "critic"})


def test_a_model_with_several_extractors_is_asked_for_one(tmp_path: Path) -> None:
    folder = zoo.build("discreg-vae", data="digits", classifier="digit-classifier").save(tmp_path / "model")
    assert of(str(folder)).name == "digit-classifier"
    config = json.loads((folder / "config.json").read_text())
    first = config["parts"].pop("classifier")
    config["parts"] |= {"first": first, "second": {**first, "params": {"layers": ["conv1"]}}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(SettingError, match=r'several feature extractors: first, second.*"part": "first"'):
        of(str(folder))
    assert of({"name": str(folder), "part": "second"}).protocol == of("digit-classifier").protocol


def test_the_default_without_its_weights_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match=r"inception_v3.*--set metric\.features=digit-classifier") as refused:
        of("torchvision/inception_v3", shape=(3, 32, 32))
    assert "\n" not in str(refused.value)


def test_features_that_are_not_finite_are_refused() -> None:
    extractor = of("digit-classifier")
    with pytest.raises(DataError, match="not finite"):
        extractor(torch.full((2, *GREY), torch.nan))


def test_the_hash_tells_another_normalisation_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo_features import cifar_resnet
    from zoo_features.preprocessing import Preprocessing

    before = of("cifar-resnet20", shape=COLOUR).sha256
    monkeypatch.setattr(cifar_resnet, "Preprocessing", lambda: Preprocessing((0.5,) * 3, (0.5,) * 3))
    assert of("cifar-resnet20", shape=COLOUR).sha256 != before
