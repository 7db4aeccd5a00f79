"""Models of attributes: which of the data's they know, and which a head or a classifier tells, by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

import zoo_core as zoo
from zoo_core.building.extractors import find_judge
from zoo_core.cli import main
from zoo_core.data import dataset_for, open_dataset
from zoo_core.data.labels import attributes_for, chosen
from zoo_core.errors import DataError, IncompatibleError, RunError, SettingError
from zoo_core.game import Step
from zoo_core.interfaces import Batch, Dataset, Labels, Split
from zoo_core.noise import KeyedNoise
from zoo_core.publishing.card import model_card
from zoo_core.registry.components import registry
from zoo_core.saving import load
from zoo_core.testing.running import component_checks, run_check
from zoo_core.training import resume

Captured = pytest.CaptureFixture[str]

DIGITS = "digits:even=0|2|4|6|8,small=0|1|2|3|4,prime=2|3|5|7,round=0|6|8|9"
NAMES = ("even", "small", "prime", "round")
WITH_HEAD: dict[str, Any] = {
    "data": DIGITS,
    "encoder": "mlp",
    "decoder": "mlp",
    "latent_dim": 6,
    "encoder.hidden": [32],
    "decoder.hidden": [32],
    "objective": ["elbo", "latent-attribute-bce"],
    "head": "linear",
}
JUDGE: dict[str, Any] = {"data": DIGITS, "objective": ["attribute-bce"], "classifier.width": 4, "classifier.hidden": 8}
CHOICES: list[tuple[str, ...]] = [("round", "even"), ("small",), ("round", "prime", "small", "even"), NAMES]


def trained(model: zoo.Model, data: Any = DIGITS, **more: Any) -> zoo.Run:
    given: dict[str, Any] = {
        "epochs": 1,
        "batch_size": 100,
        "progress": False,
        "device": "cpu",
        "pictures_every": 0,
        **more,
    }
    return zoo.train(model, data, **given)


def columns(names: Sequence[str]) -> list[int]:
    return [NAMES.index(name) for name in names]


def same(a: zoo.Model, b: zoo.Model) -> bool:
    other = b.state_dict()
    return all(torch.equal(tensor, other[key]) for key, tensor in a.state_dict().items())


# ------------------------------------------------------------------------------------------------------------ of a model


@pytest.mark.parametrize("names", CHOICES)
def test_a_model_knows_the_attributes_that_are_named_in_that_order(names: tuple[str, ...]) -> None:
    model = zoo.build("vae", attributes=list(names), **WITH_HEAD)
    assert model.labels == Labels("attributes", names) and model.parts["head"].outputs == len(names)
    whole = open_dataset(DIGITS).split("test").attributes
    assert torch.equal(dataset_for(model, DIGITS).split("test").attributes, whole[:, columns(names)])


def test_its_choice_is_the_same_as_data_with_those_alone() -> None:
    by_model = zoo.build("vae", attributes=["prime", "even"], **WITH_HEAD)
    alone = "digits:prime=2|3|5|7,even=0|2|4|6|8"
    by_data = zoo.build("vae", **{**WITH_HEAD, "data": alone})
    trained(by_model)
    trained(by_data, alone)
    assert same(by_model, by_data)


def test_one_name_needs_no_list_and_no_data_take_any() -> None:
    assert zoo.build("vae", attributes="prime", **WITH_HEAD).labels.names == ("prime",)
    model = zoo.build("classifier", image_shape=(1, 32, 32), attributes=["b", "a"], **{**JUDGE, "data": None})
    assert model.labels == Labels("attributes", ("b", "a"))


@pytest.mark.parametrize(
    "given, said",
    [
        (["evn"], 'attributes: the data have no attribute "evn"; did you mean "even"?'),
        (["x"], "they have even, small, prime, round"),
        (["even", "even"], '"even" is there twice'),
        (3, "should be a list of names"),
        ([3], "should be a list of names"),
        ([""], "should be a list of names"),
    ],
)
def test_names_that_the_data_do_not_have_are_refused(given: Any, said: str) -> None:
    with pytest.raises(SettingError, match=said.replace("?", r"\?")):
        zoo.build("vae", attributes=given, **WITH_HEAD)


def test_of_data_with_classes_it_says_how_to_make_attributes() -> None:
    with pytest.raises(SettingError, match=r"have classes and no attributes; .*digits:even=0\|2\|4\|6\|8"):
        zoo.build("vae", attributes=["even"], **{**WITH_HEAD, "data": "digits"})


# ------------------------------------------------------------------------------------------------------------ of a head


@pytest.mark.parametrize("names", CHOICES)
def test_a_heads_attributes_are_held_against_its_own_columns(names: tuple[str, ...]) -> None:
    model = zoo.build("vae", dtype=torch.float64, **{**WITH_HEAD, "head.attributes": list(names)})
    assert model.labels.names == NAMES and model.config["parts"]["head"]["params"]["attributes"] == list(names)
    parts: Any = dict(model.parts.items())
    x, marks = torch.rand(8, 1, 32, 32, dtype=torch.float64), torch.randint(-1, 2, (8, 4), dtype=torch.int8)
    for part in parts.values():
        part.train().requires_grad_(True)
    step = Step(parts, Batch(x, attributes=marks), KeyedNoise(0, 0, dtype=torch.float64))
    objective: Any = model.objectives["latent-attribute-bce"]
    term = next(objective.terms("fit", step)).value
    weights = [*parts["encoder"].parameters(), *parts["head"].parameters()]
    own = marks[:, columns(names)]
    z = parts["encoder"].posterior(x).rsample(KeyedNoise(0, 0, dtype=torch.float64), "z")
    losses = binary_cross_entropy_with_logits(parts["head"].linear(z), own.double(), reduction="none")
    expected = losses[own >= 0].mean()
    torch.testing.assert_close(term, expected, rtol=0, atol=1e-12)
    for slope, by_hand in zip(torch.autograd.grad(term, weights), torch.autograd.grad(expected, weights), strict=True):
        torch.testing.assert_close(slope, by_hand, rtol=0, atol=1e-12)


def test_a_head_learns_its_own_attributes_and_comes_back(tmp_path: Path) -> None:
    model = zoo.build("vae", **{**WITH_HEAD, "head.attributes": ["small", "even"]})
    trained(model, epochs=15, out=tmp_path / "run")
    again: Any = load(tmp_path / "run")
    split = open_dataset(DIGITS).split("test")
    with torch.no_grad():
        logits = again.parts["head"].logits(again.parts["encoder"].posterior(split.x.float() / 255).mean)
    right = ((logits > 0) == split.attributes[:, [1, 0]].bool()).float().mean(0)
    assert again.parts["head"].attributes == ("small", "even") and right.min() > 0.75


@pytest.mark.parametrize(
    "head, given, said",
    [
        ("linear", ["Even"], 'head.attributes: the data have no attribute "Even"; did you mean "even"?'),
        ("toy-head", ["even", "even"], "head.attributes: .*there twice"),
    ],
)
def test_a_head_of_unknown_attributes_is_refused(toys: None, head: str, given: list[str], said: str) -> None:
    with pytest.raises(SettingError, match=said.replace("?", r"\?")):
        zoo.build("vae", **{**WITH_HEAD, "head": head, "head.attributes": given})


def test_a_head_of_attributes_on_classes_is_refused() -> None:
    with pytest.raises(SettingError, match="have classes"):
        zoo.build(
            "vae",
            **{
                **WITH_HEAD,
                "data": "digits",
                "objective": ["elbo", "latent-cross-entropy"],
                "head.attributes": ["even"],
            },
        )


@pytest.mark.parametrize("name", ["toy-head", "linear"])
def test_a_head_with_attributes_passes_every_check(toys: None, name: str) -> None:
    entry = registry().resolve("head", name).entry
    assert any("attributes" in example for example in entry.load().examples())
    results = [run_check(one, None) for one in component_checks(entry)]
    assert [f"{r.check}: {r.reason}" for r in results if r.status != "passed"] == []


def test_a_toy_head_of_attributes_trains(toys: None) -> None:
    model = zoo.build("vae", **{**WITH_HEAD, "head": "toy-head", "head.attributes": ["prime"]})
    before = [weight.clone() for weight in model.parts["head"].parameters()]
    trained(model)
    assert not any(torch.equal(a, b) for a, b in zip(before, model.parts["head"].parameters()))


def test_a_saved_head_finds_its_attributes_among_others(tmp_path: Path) -> None:
    zoo.build("vae", **{**WITH_HEAD, "head.attributes": ["prime"]}).save(tmp_path / "model")
    data = "digits:odd=!(0|2|4|6|8),prime=2|3|5|7"
    model = zoo.build("vae", **{**WITH_HEAD, "data": data, "head": str(tmp_path / "model")})
    assert model.labels.names == ("odd", "prime") and model.parts["head"].outputs == 1
    with pytest.raises(SettingError, match='no attribute "prime"'):
        zoo.build("vae", **{**WITH_HEAD, "data": "digits:odd=1|3|5|7|9", "head": str(tmp_path / "model")})


# ------------------------------------------------------------------------------------------------------------ of a classifier


def test_a_classifiers_attributes_are_learnt_measured_and_judged_by_name(tmp_path: Path) -> None:
    own = zoo.build("classifier", **{**JUDGE, "classifier.attributes": ["round", "small"]})
    by_model = zoo.build("classifier", attributes=["round", "small"], **JUDGE)
    trained(own, epochs=3)
    trained(by_model, epochs=3)
    assert same(own, by_model) and own.labels.names == NAMES
    values = [zoo.evaluate(model, DIGITS, ["accuracy"], device="cpu")[0].value for model in (own, by_model)]
    assert values[0] == values[1] > 0.5
    own.save(tmp_path / "judge")
    x = torch.rand(3, 1, 32, 32)
    asked: Any = zoo.build("classifier", attributes=["small", "round"], **JUDGE)
    part: Any = own.parts["classifier"]
    with torch.no_grad():
        assert torch.equal(find_judge(str(tmp_path / "judge"), asked).logits(x), part.features(x)["logits"][:, [1, 0]])
    with pytest.raises(IncompatibleError, match="was trained with the attributes round, small"):
        find_judge(str(tmp_path / "judge"), by_model_of("prime"))


def by_model_of(*names: str) -> zoo.Model:
    return zoo.build("classifier", attributes=list(names), **JUDGE)


def test_weights_of_positives_are_of_the_classifiers_own() -> None:
    zoo.build(
        "classifier", **{**JUDGE, "classifier.attributes": ["prime"], "objective.attribute-bce.pos_weight": [2.0]}
    )
    with pytest.raises(SettingError, match="pos_weight has 4 numbers, there are 1 attributes"):
        zoo.build(
            "classifier",
            **{**JUDGE, "classifier.attributes": ["prime"], "objective.attribute-bce.pos_weight": [1.0, 2.0, 1.0, 1.0]},
        )


def test_columns_are_those_of_a_hand_made_selection() -> None:
    marks = torch.randint(-1, 2, (7, 4), dtype=torch.int8)
    labels = Labels("attributes", NAMES)
    head: Any = zoo.build("vae", **{**WITH_HEAD, "head.attributes": ["round", "small"]}).parts["head"]
    assert torch.equal(attributes_for(Batch(torch.zeros(7, 1, 1, 1), attributes=marks), head, labels), marks[:, [3, 1]])
    assert chosen(labels, ("prime",), "attributes").names == ("prime",)
    with pytest.raises(IncompatibleError, match="labels of type classes"):
        attributes_for(Batch(torch.zeros(7, 1, 1, 1)), head, Labels("classes", NAMES))
    with pytest.raises(IncompatibleError, match="tells round, small"):
        attributes_for(Batch(torch.zeros(7, 1, 1, 1), attributes=marks), head, Labels("attributes", ("round",)))


# ------------------------------------------------------------------------------------------------------------ runs


SETTINGS = {"negatives": 0.5, "negatives_order": "first", "flip": True}


def test_a_resumed_run_has_the_same_rows_and_flips(tmp_path: Path) -> None:
    data, given = "digits:zero=0,one=1", {"data_settings": SETTINGS, "batch_size": 30}
    models = [zoo.build("vae", **{**WITH_HEAD, "data": data, "data_settings": SETTINGS}) for _ in range(2)]
    trained(models[0], data, out=tmp_path / "straight", epochs=2, **given)
    trained(models[1], data, out=tmp_path / "stopped", epochs=1, **given)
    about = json.loads((tmp_path / "stopped" / "run.json").read_text())
    assert about["data"] == "zoo-basics:digits:zero=0,one=1" and about["data_settings"] == SETTINGS
    resume(tmp_path / "stopped", epochs=2, device="cpu", progress=False)
    a, b = (load(tmp_path / name) for name in ("straight", "stopped"))
    assert same(a, b) and a.labels.names == ("zero", "one")


def test_too_few_negatives_for_the_validation_are_said_before_anything_is_trained(tmp_path: Path) -> None:
    class FewInValidation(Dataset):
        def __init__(self) -> None:
            self.name, self.image_shape, self.labels = "few", (1, 32, 32), Labels("attributes", ("a",))

        def split(self, name: Any) -> Split:
            marks = torch.ones(100, 1, dtype=torch.int8)
            marks[: 50 if name == "train" else 10] = 0
            return Split(torch.zeros(100, 1, 32, 32, dtype=torch.uint8), attributes=marks)

    settings = {"attributes": "a", "negatives": 1}
    model = zoo.build("vae", **{**WITH_HEAD, "data": FewInValidation(), "data_settings": settings})
    with pytest.raises(DataError, match="validation split of few:a has 10 negatives for 90 positives"):
        trained(model, FewInValidation(), data_settings=settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_with_flips_goes_on_with_them_only(tmp_path: Path) -> None:
    given: dict[str, Any] = {"out": tmp_path / "run", "data_settings": {"flip": True}}
    trained(zoo.build("vae", **WITH_HEAD), **given)
    with pytest.raises(RunError, match="with other streams"):
        trained(zoo.build("vae", **WITH_HEAD), **{**given, "data_settings": {}}, epochs=2, resume=True)


def test_flips_change_a_training_and_no_validation() -> None:
    runs = []
    for flip in (False, True):
        runs.append(trained(zoo.build("vae", **WITH_HEAD), data_settings={"flip": flip}))
        untrained = trained(zoo.build("vae", **WITH_HEAD), data_settings={"flip": flip}, epochs=0)
        runs.append(untrained)
    assert not same(runs[0].model, runs[2].model)
    model = runs[1].model
    values = [
        zoo.evaluate(model, DIGITS, ["reconstruction"], split="train", data_settings={"flip": flip}, device="cpu")[
            0
        ].value
        for flip in (False, True)
    ]
    assert values[0] == values[1]


def test_points_cannot_be_flipped() -> None:
    class Points(Dataset):
        def __init__(self) -> None:
            self.name, self.image_shape, self.labels = "points", (1, 1, 2), Labels()

        def split(self, name: Any) -> Split:
            return Split(torch.rand(10, 1, 1, 2))

    with pytest.raises(DataError, match="cannot be flipped"):
        open_dataset(Points(), settings={"flip": True}).split("train")


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run on attributes of digits, in which a command is typed."""
    monkeypatch.chdir(tmp_path)
    settings = [
        "data.negatives=0.1",
        "latent_dim=2",
        'attributes=["prime", "even"]',
        "encoder.hidden=[8]",
        "decoder.hidden=[8]",
        "head=linear",
        'objective=["elbo", "latent-attribute-bce"]',
    ]
    command = [
        "train",
        "vae-mlp",
        "--data",
        "digits:even=0|2|4|6|8,prime=2|3|5|7",
        "--epochs",
        "1",
        "--quiet",
        "--device",
        "cpu",
    ]
    assert main([*command, *(word for setting in settings for word in ("--set", setting))]) == 0
    return Path("runs/vae-mlp-digits-even-0-2-4-6-8-prime-2-3-5-7")


def test_every_command_works_on_the_run(run_folder: Path, capsys: Captured) -> None:
    run = str(run_folder)
    config = json.loads((run_folder / "config.json").read_text())
    assert config["labels"] == {"type": "attributes", "names": ["prime", "even"]}
    for command in (
        ["eval", run, "--metric", "reconstruction", "--json"],
        ["plot", run, "--what", "codes"],
        ["reconstruct", run, "-n", "2"],
        ["sample", run, "-n", "2"],
        ["train", "--resume", "--out", run, "--epochs", "2", "--quiet"],
        ["eval", run, "--metric", "reconstruction", "--data", "digits:even=0|2,prime=3"],
        ["reconstruct", run, "--data", "digits:prime=3", "--set", "data.attributes=x"],
    ):
        capsys.readouterr()
        wanted = 2 if command[-1] == "data.attributes=x" else 0
        assert main([*command, "--device", "cpu"]) == wanted
        if "--json" in command:
            protocol = json.loads(capsys.readouterr().out)[0]["protocol"]
            assert protocol["data"] == "digits:even=0|2|4|6|8,prime=2|3|5|7" and protocol["negatives"] == 0.1
    assert "names its attributes already" in capsys.readouterr().err


def test_its_card_says_so(run_folder: Path) -> None:
    config, run = (json.loads((run_folder / name).read_text()) for name in ("config.json", "run.json"))
    text = model_card(
        config, repo="org/name", licence="mit", run=run, figures=[], pictures=[], parameters=1, size_bytes=1, dtypes=[]
    )
    assert "digits: even=0&#124;2&#124;4&#124;6&#124;8,prime=2&#124;3&#124;5&#124;7" in text and "negatives" in text


@pytest.mark.parametrize(
    "data, said",
    [
        ("digits:even=0|", "expected a name"),
        ("digits:even=12", 'no class "12"'),
        ("celeba:Eyeglases", 'did you mean "Eyeglasses"?'),
        ("celeba:Smiling&(Male", "expected )"),
    ],
)
def test_bad_expressions_are_one_line_at_the_command_line(data: str, said: str, capsys: Captured) -> None:
    assert main(["train", "vae", "--data", data, "--device", "cpu"]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_info_tells_a_data_sets_labels_and_settings(capsys: Captured) -> None:
    assert main(["info", "celeba"]) == 0
    said = capsys.readouterr().out
    assert all(one in said for one in ("attributes\t15\tEyeglasses", "data.size", "data.negatives", "data.flip"))
    assert main(["info", "npz", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["labels"]["names"] == [] and "attributes" in facts["settings_of_all_data"]
