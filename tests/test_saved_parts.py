"""Parts of saved models, extractors and judges, for whoever looks at images from outside a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import zoo_core as zoo
from zoo_core.building.extractors import find_extractor, find_judge
from zoo_core.building.load_part import load_saved_part
from zoo_core.errors import IncompatibleError, SettingError, UnknownName
from zoo_core.interfaces import Encoder, Labels

SHAPE = (1, 8, 8)
X = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(0))
FACES = Labels("attributes", ("smiling", "old", "male"))
PETS = Labels("classes", ("cat", "dog", "hen"))


def vae(labels: Labels | None = None) -> zoo.Model:
    small: dict[str, Any] = {"encoder.hidden": [6], "decoder.hidden": [5], "latent_dim": 4}
    return zoo.build("vae-mlp", image_shape=SHAPE, labels=labels, **small)


def classifier(folder: Path, labels: Labels) -> tuple[str, torch.Tensor]:
    """An untrained one in a folder, and its logits of X."""
    objective = "attribute-bce" if labels.type == "attributes" else "cross-entropy"
    small: dict[str, Any] = {"classifier.width": 4, "classifier.hidden": 8}
    model = zoo.build("classifier", image_shape=SHAPE, labels=labels, objective=objective, **small)
    part: Any = model.parts["classifier"]
    return str(model.save(folder)), part.features(X)["logits"].detach()


def test_a_part_of_a_saved_model_comes_with_its_weights(tmp_path: Path) -> None:
    model = vae()
    folder = model.save(tmp_path / "m")
    encoder = load_saved_part(folder, "encoder")
    assert isinstance(encoder, Encoder)
    assert torch.equal(encoder.eval().posterior(X).mean, model.posterior(X).mean)
    with pytest.raises(SettingError, match="no network; its parts are encoder, decoder, prior"):
        load_saved_part(folder, "network")
    with pytest.raises(SettingError, match="no encoder 'decoder'; it has encoder"):
        load_saved_part(folder, "encoder", part="decoder")
    with pytest.raises(UnknownName):
        load_saved_part("./nowhere", "encoder")


def test_a_model_is_built_with_one_of_several_saved_parts(tmp_path: Path) -> None:
    folder, logits = classifier(tmp_path / "c", PETS)
    model = zoo.build(
        "discreg-vae",
        image_shape=SHAPE,
        labels=PETS,
        encoder="mlp",
        decoder="mlp",
        classifier={"name": folder, "part": "classifier", "layers": ["conv1", "logits"]},
    )
    taken: Any = model.parts["classifier"]
    assert torch.equal(taken.features(X)["logits"], logits)
    with pytest.raises(
        SettingError, match=r"classifier: the model in .* has no feature extractor 'critic'; it has classifier"
    ):
        zoo.build("discreg-vae", image_shape=SHAPE, labels=PETS, classifier={"name": folder, "part": "critic"})


def test_an_extractor_is_found_frozen_with_the_layers_of_its_component(tmp_path: Path) -> None:
    folder, logits = classifier(tmp_path / "c", PETS)
    found = find_extractor(folder, image_shape=SHAPE, wanted=None)
    assert found.part.layers == ("conv1", "conv2", "conv3", "logits") and found.labels == PETS
    assert not found.part.training and not any(p.requires_grad for p in found.part.parameters())
    assert torch.equal(find_extractor(folder, image_shape=SHAPE, wanted="logits").part.features(X)["logits"], logits)


@pytest.mark.parametrize("labels", [FACES, PETS], ids=["attributes", "classes"])
def test_a_judge_answers_in_the_models_order(tmp_path: Path, labels: Labels) -> None:
    folder, logits = classifier(tmp_path / "c", labels)
    first, second, third = labels.names
    judge = find_judge(folder, vae(Labels(labels.type, (third, first, second))))
    assert torch.equal(judge.logits(X), logits[:, [2, 0, 1]])
    assert torch.equal(find_judge(folder, vae(Labels(labels.type, (second, first)))).logits(X), logits[:, [1, 0]]), (
        "it may know more"
    )


def test_a_judge_of_other_labels_is_refused(tmp_path: Path) -> None:
    folder, _ = classifier(tmp_path / "c", PETS)
    with pytest.raises(IncompatibleError, match="knows no labels"):
        find_judge(folder, vae())
    for other in (FACES, Labels("classes", ("cat", "wolf", "hen")), Labels("classes", ("cat", "dog", "hen", "cow"))):
        with pytest.raises(IncompatibleError, match="was trained with the classes cat, dog, hen; the model has"):
            find_judge(folder, vae(other))
    with pytest.raises(IncompatibleError, match="digit-classifier was trained with the classes 0, 1, 2"):
        find_judge("digit-classifier", vae(PETS))
    with pytest.raises(IncompatibleError, match="cifar-resnet20 tells 10 labels apart, the model has 3"):
        find_judge("cifar-resnet20", vae(PETS))
