"""Labels are known by their names: data with the same names in another order give the same figures, pictures and weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import zoo_core as zoo
from zoo_core.building.components import bind_component
from zoo_core.cli import main
from zoo_core.data.labels import places
from zoo_core.errors import DataError, IncompatibleError, SettingError
from zoo_core.interfaces import Dataset, Labels, Split
from zoo_core.registry.components import registry
from zoo_core.training import resume

SIDE, EXAMPLES = 16, 120
ATTRIBUTES = ("smiling", "male", "old")
CLASSES = ("cat", "dog", "hen", "owl")


class Toy(Dataset):
    """Pictures with a bright corner for each attribute, or of the class.

    Arguments:
        type: what is said of each picture.
        names: in the order of this data set; those beyond the toy's own mean noise.
    """

    OWN: ClassVar = {"attributes": ATTRIBUTES, "classes": CLASSES}

    def __init__(self, type: Any, names: Sequence[str], *, called: Sequence[str] | None = None, seed: int = 0) -> None:
        self.name = "toy"
        self.image_shape = (1, SIDE, SIDE)
        self.labels = Labels(type, tuple(called or names))
        random = torch.Generator().manual_seed(seed)
        x = torch.randint(100, (EXAMPLES, 1, SIDE, SIDE), generator=random, dtype=torch.uint8)
        own = self.OWN[type]
        marks = torch.randint(2, (EXAMPLES, len(own)), generator=random)
        y = torch.randint(len(own), (EXAMPLES,), generator=random)
        if type == "classes":
            marks = torch.nn.functional.one_hot(y, len(own))
        for place in range(len(own)):
            top, left = (SIDE // 2) * (place // 2), (SIDE // 2) * (place % 2)
            x[:, 0, top : top + 8, left : left + 8] += (150 * marks[:, place, None, None]).to(torch.uint8)
        if type == "classes":
            here = torch.tensor([names.index(name) for name in own])
            self.whole = Split(x, torch.where(torch.arange(EXAMPLES) % 10 == 9, -1, here[y]))
        else:
            more = torch.randint(2, (EXAMPLES, len(names)), generator=random)
            columns = [marks[:, own.index(n)] if n in own else more[:, i] for i, n in enumerate(names)]
            self.whole = Split(x, attributes=torch.stack(columns, 1).to(torch.int8))

    def split(self, name: Any) -> Split:
        start, stop = {"train": (0, 60), "validation": (60, 90), "test": (90, 120)}[name]
        return self.whole.subset(range(start, stop))

    def write(self, path: Path) -> str:
        """As arrays in a file; the reference to it."""
        parts = {name: self.split(name) for name in ("train", "validation", "test")}
        arrays: dict[str, Any] = {f"x_{name}": part.x for name, part in parts.items()}
        if self.labels.type == "classes":
            arrays |= {"class_names": self.labels.names, **{f"y_{name}": part.y for name, part in parts.items()}}
        else:
            arrays |= {
                "attr_names": self.labels.names,
                **{f"attr_{name}": part.attributes for name, part in parts.items()},
            }
        np.savez(path, **{name: np.asarray(array) for name, array in arrays.items()})
        return f"npz:{path}"


FACES = Toy("attributes", ATTRIBUTES)
TURNED = Toy("attributes", ("old", "smiling", "male"))
WIDER = Toy("attributes", ("hat", "old", "male", "glasses", "smiling"))
PETS = Toy("classes", CLASSES)
MIXED = Toy("classes", ("owl", "cat", "hen", "dog"))

SMALL = {"encoder.hidden": [8], "decoder.hidden": [8]}
CRITIC = {"objective.adversarial-prior.hidden": [4]}
MODELS: dict[str, tuple[str, dict[str, Any], Dataset, tuple[Dataset, ...]]] = {
    "judge": (
        "classifier",
        {"objective": ["attribute-bce"], "classifier.width": 4, "classifier.hidden": 8},
        FACES,
        (TURNED, WIDER),
    ),
    "classifier": ("classifier", {"classifier.width": 4, "classifier.hidden": 8}, PETS, (MIXED,)),
    "conditional": ("vae-mlp", {**SMALL, "decoder.conditional": True, "latent_dim": 2}, PETS, (MIXED,)),
    "semi-supervised": ("aae-semi", {**SMALL, **CRITIC}, PETS, (MIXED,)),
    "clusters": ("aae-clusters", {**SMALL, **CRITIC}, PETS, (MIXED,)),
    "heads": ("aae-dimred", {"encoder.hidden": [8], "decoder.net.hidden": [8], **CRITIC}, PETS, (MIXED,)),
}


def built(name: str) -> zoo.Model:
    recipe, settings, data, _ = MODELS[name]
    return zoo.build(recipe, image_shape=data.image_shape, labels=data.labels, **settings)


def trained(model: zoo.Model, data: Any, out: Path | None = None, *, epochs: int = 1) -> zoo.Run:
    return zoo.train(model, data, out=out, epochs=epochs, batch_size=20, progress=False, device="cpu", pictures_every=0)


def looked(model: zoo.Model, data: Any, folder: Path) -> dict[str, Any]:
    """All figures and plots that the model has, with the components' first examples of settings."""
    found: dict[str, Any] = {}
    for kind in ("metric", "plot"):
        for entry in registry().entries(kind):
            spec = {"name": entry.name, **entry.load().examples()[0]}
            try:
                bind_component(model, kind, spec)
                if kind == "metric":
                    figures = zoo.evaluate(model, data, [spec], device="cpu")
                    found[entry.name] = [
                        (f.name, f.value, f.std, {k: v for k, v in f.protocol.items() if k != "seconds"})
                        for f in figures
                    ]
                else:
                    zoo.plot(model, data, spec, out=folder / "plot.png", device="cpu")
                    found[entry.name] = (folder / "plot.png").read_bytes()
            except (IncompatibleError, SettingError):
                continue  # not for this model
    return found


# ---------------------------------------------------------------------------------------------------------------- the rule


@pytest.mark.parametrize(
    "kind, found, wanted, expected",
    [
        ("classes", "b a", "a b", (1, 0)),
        ("classes", "b", "a b c", (1,)),  # a split of some of the classes
        ("classes", "a b d", "a b c", None),
        ("classes", "a b c d", "a b c", None),
        ("classes", "0 1 2", "a b c", (0, 1, 2)),  # numbers are no names
        ("classes", "a b c", "0 1 2", (0, 1, 2)),
        ("classes", "0 1", "a b c", (0, 1)),  # arrays name as many classes as they hold
        ("classes", "0 1 2", "a b", None),
        ("classes", "a b", "0 1 2", None),
        ("classes", "0 1 10 2", "0 1 2 10", (0, 1, 3, 2)),  # folders of numbers, sorted as letters
        ("classes", "a a b", "b a a", None),  # which is which cannot be told
        ("classes", "a a b", "a a b", (0, 1, 2)),
        ("attributes", "b a", "a b", (1, 0)),
        ("attributes", "d b c a", "a b", (3, 1)),
        ("attributes", "a", "a b", None),
        ("attributes", "0 1", "a b", (0, 1)),
        ("attributes", "0 1", "a b c", None),
        ("attributes", "0 1 2", "a b", None),
    ],
)
def test_labels_find_their_places_by_name(kind: Any, found: str, wanted: str, expected: tuple[int, ...] | None) -> None:
    assert places(Labels(kind, tuple(found.split())), Labels(kind, tuple(wanted.split()))) == expected


def test_classes_and_attributes_have_no_places_among_one_another() -> None:
    assert places(Labels("classes", ("a",)), Labels("attributes", ("a",))) is None


# ----------------------------------------------------------------------------------------------------- training, figures, plots


@pytest.mark.parametrize("name", MODELS)
def test_another_order_of_the_names_changes_no_bit(name: str, tmp_path: Path) -> None:
    _, _, own, others = MODELS[name]
    run = trained(built(name), own, tmp_path / "own")
    expected = looked(run.model, own, tmp_path)
    assert (
        expected.keys()
        >= {
            "judge": {"accuracy"},
            "classifier": {"accuracy"},
            "conditional": {"elbo", "nll", "reconstruction", "probe", "fid", "codes", "manifold", "samples"},
            "semi-supervised": {"classification-error", "cluster-error", "clusters", "codes"},
            "clusters": {"cluster-error", "clusters", "probe"},
            "heads": {"representation", "probe"},
        }[name]
    )
    for place, other in enumerate(others):
        again = trained(built(name), other, tmp_path / f"other{place}")
        assert again.validation == run.validation
        state = again.model.state_dict()
        assert all(torch.equal(tensor, state[key]) for key, tensor in run.model.state_dict().items())
        assert looked(run.model, other, tmp_path) == expected


def test_a_judge_is_as_good_on_another_order_of_the_columns(tmp_path: Path) -> None:
    model = trained(built("judge"), FACES, epochs=15).model
    good, same = (zoo.evaluate(model, data, ["accuracy"], device="cpu")[0].value for data in (FACES, WIDER))
    assert good > 0.8 and same == good


def test_a_resumed_run_goes_on_by_name(tmp_path: Path) -> None:
    path = tmp_path / "faces.npz"
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    reference = FACES.write(path)
    trained(built("judge"), reference, straight, epochs=2)
    trained(built("judge"), reference, stopped)
    WIDER.write(path)  # the same pictures, their columns in another order
    resume(stopped, epochs=2, device="cpu", progress=False)
    a, b = (zoo.load(folder).state_dict() for folder in (straight, stopped))
    assert all(torch.equal(tensor, b[key]) for key, tensor in a.items())


def test_arrays_without_names_go_by_position() -> None:
    model = built("classifier")
    numbers = Toy("classes", CLASSES, called=("0", "1", "2", "3"))
    assert zoo.evaluate(model, numbers, ["accuracy"])[0].value == zoo.evaluate(model, PETS, ["accuracy"])[0].value
    trained(model, (PETS.whole.x, PETS.whole.y))


def test_a_label_beyond_the_classes_is_refused() -> None:
    data = Toy("classes", ("owl", "cat", "hen", "dog"))
    data.whole = Split(data.whole.x, torch.full((EXAMPLES,), 4))
    with pytest.raises(DataError, match="has the label 4, its classes are 0 to 3"):
        zoo.evaluate(built("classifier"), data, ["accuracy"])


# ---------------------------------------------------------------------------------------------------------------- refusals


FEWER = Toy("attributes", ("old", "smiling"))
STRANGERS = Toy("classes", CLASSES, called=("cat", "dog", "hen", "yak"))
BOTH = r"has the {0} {1}, the model the {0} {2}.* lacks {3}"


@pytest.mark.parametrize(
    "look",
    [
        lambda model, data: zoo.train(model, data, epochs=1, progress=False, device="cpu"),
        lambda model, data: next(zoo.rounds(model, data, epochs=1, device="cpu")),
        lambda model, data: zoo.evaluate(model, data, ["accuracy"]),
    ],
)
@pytest.mark.parametrize(
    "name, data, message",
    [
        ("judge", FEWER, BOTH.format("attributes", "old, smiling", "smiling, male, old", "male")),
        ("classifier", STRANGERS, BOTH.format("classes", "cat, dog, hen, yak", "cat, dog, hen, owl", "yak")),
    ],
)
def test_other_labels_are_refused_with_both_lists(look: Any, name: str, data: Dataset, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        look(built(name), data)
    assert raised.value.hint and raised.value.fields["found"] == data.labels


def test_a_classifier_that_was_not_trained_here_is_not_judged_by_other_labels() -> None:
    model = zoo.build(
        "discreg-vae",
        image_shape=PETS.image_shape,
        labels=PETS.labels,
        classifier="small-cnn",
        **{"encoder": "mlp", "decoder": "mlp", "classifier.width": 4, "classifier.hidden": 8, **SMALL},
    )
    zoo.evaluate(model, STRANGERS, ["reconstruction"])
    zoo.evaluate(model, MIXED, ["accuracy"])
    with pytest.raises(DataError, match="the model the classes cat, dog, hen, owl"):
        zoo.evaluate(model, STRANGERS, ["accuracy"])


def test_a_model_that_looks_at_no_labels_takes_data_with_any(tmp_path: Path) -> None:
    model = zoo.build("vae-mlp", image_shape=PETS.image_shape, labels=PETS.labels, latent_dim=2, **SMALL)
    strangers = Toy("classes", CLASSES, called=("yak", "emu", "cow", "bee"))
    trained(model, strangers)
    assert zoo.evaluate(model, strangers, [{"name": "probe", "examples": 30}])
    for data in (PETS, MIXED):
        names = [text.get_text() for text in zoo.plot(model, data, "codes").axes[0].get_legend().get_texts()]
        assert names == [*CLASSES, "unknown"]
    names = [text.get_text() for text in zoo.plot(model, strangers, "codes").axes[0].get_legend().get_texts()]
    assert names == ["yak", "emu", "cow", "bee", "unknown"]
    trained(model, FACES)


@pytest.mark.parametrize(
    "name, data",
    [
        ("judge", PETS),
        ("judge", torch.rand(40, 1, SIDE, SIDE)),
        ("classifier", FACES),
        ("classifier", torch.rand(40, 1, SIDE, SIDE)),
        ("conditional", torch.rand(40, 1, SIDE, SIDE)),
    ],
)
def test_training_without_the_labels_that_are_learnt_from_is_refused(name: str, data: Any) -> None:
    with pytest.raises(DataError) as raised:
        trained(built(name), data)
    assert "attributes" in str(raised.value) if name == "judge" else "classes" in str(raised.value)


# ---------------------------------------------------------------------------------------------------------------- saved parts


def test_a_saved_part_keeps_its_own_order(tmp_path: Path) -> None:
    trained(built("judge"), FACES, epochs=15).model.save(tmp_path / "judge")
    for data in (FACES, TURNED):
        tuned = zoo.build(
            "classifier",
            image_shape=data.image_shape,
            labels=data.labels,
            objective=["attribute-bce"],
            classifier=str(tmp_path / "judge"),
        )
        assert tuned.labels == FACES.labels
        assert zoo.evaluate(tuned, data, ["accuracy"])[0].value > 0.8


@pytest.mark.parametrize("data", [FEWER, WIDER, Toy("attributes", ATTRIBUTES, called=("hat", "male", "old"))])
def test_a_saved_part_of_other_labels_is_refused_where_they_are_learnt(data: Dataset, tmp_path: Path) -> None:
    built("judge").save(tmp_path / "judge")
    with pytest.raises(
        IncompatibleError, match=r"trained with the attributes smiling, male, old; this model has the attributes \w+"
    ):
        zoo.build(
            "classifier",
            image_shape=data.image_shape,
            labels=data.labels,
            objective=["attribute-bce"],
            classifier=str(tmp_path / "judge"),
        )


def test_a_saved_conditional_decoder_of_other_classes_is_refused(tmp_path: Path) -> None:
    built("conditional").save(tmp_path / "vae")
    with pytest.raises(
        IncompatibleError,
        match="trained with the classes cat, dog, hen, owl; this model has the classes cat, dog, hen, yak",
    ):
        zoo.build(
            "vae-mlp",
            image_shape=PETS.image_shape,
            labels=STRANGERS.labels,
            latent_dim=2,
            decoder=str(tmp_path / "vae"),
            **{"encoder.hidden": [8]},
        )
    zoo.build(
        "vae-mlp",
        image_shape=PETS.image_shape,
        labels=STRANGERS.labels,
        latent_dim=2,
        encoder=str(tmp_path / "vae"),
        **{"decoder.hidden": [8]},
    )


# ---------------------------------------------------------------------------------------------------------------- the command line


def test_the_command_line_goes_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "judge")
    trained(built("judge"), FACES, epochs=15).model.save(folder)
    values = []
    for name, data in (("faces", FACES), ("wider", WIDER)):
        assert (
            main(["eval", folder, "--metric", "accuracy", "--data", data.write(tmp_path / f"{name}.npz"), "--json"])
            == 0
        )
        values.append(json.loads(capsys.readouterr().out)[0]["value"])
    assert values[0] == values[1] > 0.8
    assert main(["eval", folder, "--metric", "accuracy", "--data", FEWER.write(tmp_path / "fewer.npz")]) == 2
    said = capsys.readouterr().err
    assert "the attributes old, smiling, the model the attributes smiling, male, old" in said and said.count("\n") == 1


@pytest.mark.parametrize("verb", [["reconstruct"], ["plot", "--what", "codes"]])
def test_pictures_of_a_conditional_model_go_by_name(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, pictures = str(tmp_path / "model"), []
    built("conditional").save(model)
    for name, data in (("pets", PETS), ("mixed", MIXED)):
        out = tmp_path / f"{name}.png"
        assert main([verb[0], model, *verb[1:], "--data", data.write(tmp_path / f"{name}.npz"), "--out", str(out)]) == 0
        pictures.append(out.read_bytes())
    assert pictures[0] == pictures[1]
    assert main([verb[0], model, *verb[1:], "--data", STRANGERS.write(tmp_path / "others.npz"), "--out", str(out)]) == 2
    assert "the model lacks yak" in capsys.readouterr().err
