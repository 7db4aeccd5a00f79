"""Labels and images that a model is given by hand: in any form, or refused in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.data.given import as_labels
from zoo_core.errors import SettingError
from zoo_core.interfaces import Labels, Sampler, Samples

SHAPE = (1, 8, 8)
CLASSES = Labels("classes", ("cat", "dog", "hen"))
SMALL: dict[str, Any] = {"encoder.hidden": [6], "decoder.hidden": [5], "latent_dim": 4}
CRITIC: dict[str, Any] = {"objective.adversarial-prior.hidden": [4]}
X = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0))
Z = torch.rand(3, 4, generator=torch.Generator().manual_seed(1))


def plain() -> zoo.Model:
    return zoo.build("vae-mlp", image_shape=SHAPE, labels=CLASSES, **SMALL)


def told() -> zoo.Model:
    """Its decoder is told the class."""
    return zoo.build("vae-mlp", image_shape=SHAPE, labels=CLASSES, **{"decoder.conditional": True}, **SMALL)


def placed() -> zoo.Model:
    """Its prior has a place for each class."""
    mixture = {"name": "gaussian-mixture", "components": 3}
    return zoo.build(
        "aae-labelled", image_shape=SHAPE, labels=CLASSES, prior=mixture, **{**SMALL, **CRITIC, "latent_dim": 2}
    )


FORMS: list[Any] = [
    [2, 0, 1],
    (2, 0, 1),
    np.array([2, 0, 1]),
    np.array([2, 0, 1], ">i4"),
    np.array([1, 0, 2], np.uint8)[::-1],
    torch.tensor([2, 0, 1], dtype=torch.int32),
    ["hen", "cat", "dog"],
    np.array(["hen", "cat", "dog"]),
    ["hen", 0, "dog"],
    [np.int64(2), 0, torch.tensor(1)],
]
ONE: list[Any] = [1, "dog", np.int32(1), np.array(1), torch.tensor(1), [1], ["dog"], range(1, 2)]
WRONG: list[tuple[Any, str]] = [
    ([0, 1, 99], "y 99: the model's classes are 0 to 2; or by name: cat, dog, hen"),
    ([0, 1, -2], "y -2: the model's classes are 0 to 2"),
    (10**30, "the model's classes are 0 to 2"),
    ([0, 1], r"y should be 3 labels, or one for all.* got shape \(2,\)"),
    ([], "y should be 3 labels"),
    ([[0, 1, 2], [0, 1, 2]], r"got shape \(2, 3\)"),
    ([0.0, 1.0, 2.0], "whole numbers"),
    (np.array([True, False, True]), "whole numbers"),
    ("dgo", "no class 'dgo'; did you mean \"dog\""),
    (["cat", "dog", "wolpertinger"], "no class 'wolpertinger'; the classes are cat, dog, hen"),
    ([0, [1, 2]], "cannot be read as an array"),
    ([None, 1, 2], "no class"),
    ({0, 1, 2}, "y should be a list or an array, got set"),
    (len, "y should be a list or an array"),
    ([1j, 0, 0], "y should be numbers"),
]


@pytest.mark.parametrize("make", [told, placed])
@pytest.mark.parametrize("y", FORMS, ids=repr)
def test_labels_are_taken_in_any_form(make: Any, y: Any) -> None:
    model = make()
    expected = model.sample(3, seed=0, y=torch.tensor([2, 0, 1]))
    assert torch.equal(model.sample(3, seed=0, y=y), expected)
    assert not torch.equal(model.sample(3, seed=0, y=[0, 0, 0]), expected)
    if make is told:
        assert torch.equal(model.decode(Z, y), model.decode(Z, torch.tensor([2, 0, 1])))
        assert torch.equal(model.reconstruct(X, y), model.reconstruct(X, torch.tensor([2, 0, 1])))


@pytest.mark.parametrize("y", ONE, ids=repr)
def test_one_label_is_for_all(y: Any) -> None:
    model, expected = told(), torch.tensor([1, 1, 1])
    assert torch.equal(model.sample(3, seed=0, y=y), model.sample(3, seed=0, y=expected))
    assert torch.equal(model.decode(Z, y), model.decode(Z, expected))
    assert torch.equal(model.reconstruct(X, y), model.reconstruct(X, expected))


@pytest.mark.parametrize("y, message", WRONG, ids=[repr(y)[:40] for y, _ in WRONG])
def test_labels_that_are_none_are_refused_in_one_line(y: Any, message: str) -> None:
    model = told()
    for use in (
        lambda: model.sample(3, y=y),
        lambda: model.decode(Z, y),
        lambda: model.reconstruct(X, y),
        lambda: model.sample(3, "interpolation", y=y),
    ):
        with pytest.raises(SettingError, match=message) as raised:
            use()
        assert "\n" not in str(raised.value)


def test_an_unknown_label_and_weights_of_classes_are_labels_too() -> None:
    model = told()
    nothing, mixed = torch.zeros(3, 3), torch.tensor([[0.5, 0.5, 0.0]] * 3)
    assert torch.equal(model.decode(Z, -1), model.decode(Z, nothing))
    assert torch.equal(model.decode(Z, mixed.tolist()), model.decode(Z, mixed))
    assert model.sample(3, seed=0, y=-1).shape == (3, *SHAPE)
    with pytest.raises(SettingError, match=r"one-hot of shape \(3, 3\); got shape \(3, 4\)"):
        model.decode(Z, torch.zeros(3, 4))


def test_labels_that_would_change_nothing_are_refused() -> None:
    model = plain()
    for use in (
        lambda: model.sample(3, y=0),
        lambda: model.sample(3, "interpolation", y=[0, 1, 2]),
        lambda: model.decode(Z, 0),
        lambda: model.reconstruct(X, torch.zeros(3, dtype=torch.int64)),
    ):
        with pytest.raises(SettingError, match=r"(takes no|of this vae-mlp takes) labels; leave y out"):
            use()
    with pytest.raises(SettingError, match="decoder of this aae-labelled takes no labels"):
        placed().decode(torch.zeros(3, 2), 0)
    assert torch.equal(model.sample(3, seed=0, y=None), model.sample(3, seed=0))


@pytest.mark.parametrize(
    "condition, message",
    [
        ({"Y": 1}, "PriorSampler takes no Y; "),
        ({"lable": 1}, "takes no lable; the conditions that it takes: y"),
        ({"x": X}, "PriorSampler takes no x"),
        ({"label": 0, "y": 0}, "takes no label"),
    ],
)
def test_conditions_that_the_sampler_does_not_know_are_refused(condition: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        told().sample(3, **condition)


class Brightened(Sampler):
    """Takes a condition of its own."""

    conditions = frozenset({"gain"})

    def __call__(self, model: zoo.Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        return Samples(torch.full((n, *model.image_shape), float(conditions.get("gain", 0))))


def test_a_sampler_may_take_conditions_of_its_own() -> None:
    assert plain().sample(2, Brightened(), gain=0.5).mean() == 0.5
    with pytest.raises(SettingError, match='takes no gian; did you mean "gain"'):
        plain().sample(2, Brightened(), gian=1)


def test_clusters_are_asked_for_by_number() -> None:
    model = zoo.build(
        "aae-clusters",
        image_shape=SHAPE,
        labels=CLASSES,
        clusters=5,
        **{"encoder.hidden": [6], "decoder.hidden": [5], **CRITIC},
    )
    assert model.sample(2, "style-grid", seed=0, y=[4, 0]).shape == (2, *SHAPE)
    with pytest.raises(SettingError, match=r"y 5: the model's classes are 0 to 4$"):
        model.sample(2, "style-grid", y=5)
    with pytest.raises(SettingError, match="no class 'cat'"):  # a cluster is no class of the data
        model.sample(2, "style-grid", y="cat")


def test_images_and_codes_are_taken_in_any_form() -> None:
    model = plain()
    for x in (X.numpy(), X.tolist(), X.numpy().astype(">f4"), X.numpy()[::-1, :, ::-1][::-1, :, ::-1], X.double()):
        assert torch.equal(model.encode(x), model.encode(X))
    walk = {"name": "interpolation", "steps": 3}
    assert torch.equal(model.sample(3, walk, x=X.numpy()), model.sample(3, walk, x=X))
    for z in (Z.numpy(), Z.tolist(), Z.numpy().astype(">f8")):
        assert torch.equal(model.decode(z), model.decode(Z))
    for wrong in ("photo.png", [[0.0], [0.0, 1.0]], None, {"x": 1}):
        for use in (model.encode, model.decode, model.reconstruct):
            with pytest.raises(SettingError, match=r"^(images|codes) (should be|cannot be read)"):
                use(wrong)
    with pytest.raises(SettingError, match=r"images should be \(N, 1, 8, 8\)"):
        model.sample(3, walk, x=torch.zeros(2, 3, 8, 8))


@pytest.mark.parametrize("n", [2.0, "2", None, 0, -1])
def test_a_number_of_pictures_that_is_none_is_refused(n: Any) -> None:
    with pytest.raises(SettingError, match="sample: should be"):
        plain().sample(n)
    assert plain().sample(np.int64(2)).shape == (2, *SHAPE)


@pytest.mark.parametrize(
    "y, expected",
    [
        ([[1, 0], [0, 1], [1, -1]], [[1, 0], [0, 1], [1, -1]]),
        ([1, 0], [[1, 0]] * 3),
        (np.array([[True, False]] * 3), [[1, 0]] * 3),
        (torch.tensor([[1.0, 0.0]]), [[1, 0]] * 3),
    ],
)
def test_attributes_are_rows_of_zeros_and_ones(y: Any, expected: list[list[int]]) -> None:
    labels = Labels("attributes", ("old", "male"))
    given = as_labels(y, labels, 3, classes=2)
    assert given.tolist() == expected and given.dtype == torch.int64


@pytest.mark.parametrize(
    "y, message",
    [
        ([1, 0, 1], "3 rows of 2 attributes, or one for all, got shape .*; the attributes are old, male"),
        ([[2, 0]], "0 or 1"),
        ("old", "should be numbers"),
        ([[0.5, 0]] * 3, "0 or 1"),
    ],
)
def test_attributes_that_are_none_are_refused(y: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        as_labels(y, Labels("attributes", ("old", "male")), 3, classes=2)


def test_labels_of_the_command_line_are_numbers_or_names(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder, pictures = str(tmp_path / "model"), {}
    told().save(folder)
    for label in ("1", "dog", "2"):
        out = tmp_path / f"{label}.png"
        assert main(["sample", folder, "-n", "4", "--label", label, "--out", str(out), "--device", "cpu"]) == 0
        pictures[label] = out.read_bytes()
    assert pictures["dog"] == pictures["1"] != pictures["2"]
    capsys.readouterr()
    for arguments, message in (
        (["--label", "dgo"], 'did you mean "dog"'),
        (["--label", "-1"], "--label -1: the model's classes are 0 to 2"),
        (["--label", "0", "--label", "7"], "--label 7"),
        (["--data", "digits"], "--data: PriorSampler starts from no images"),
    ):
        assert main(["sample", folder, *arguments, "--out", str(tmp_path / "no.png"), "--device", "cpu"]) == 2
        said = capsys.readouterr().err
        assert message in said and said.count("\n") == 1 and not (tmp_path / "no.png").exists()


def test_labels_given_by_hand_stay_on_the_device_of_the_model() -> None:
    given: list[Tensor] = []

    class Kept(Brightened):
        conditions = frozenset({"y"})

        def __call__(self, model: zoo.Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
            given.append(conditions["y"])
            return super().__call__(model, n, generator)

    told().sample(4, Kept(), y="hen")
    assert given[0].tolist() == [2, 2, 2, 2] and given[0].dtype == torch.int64
