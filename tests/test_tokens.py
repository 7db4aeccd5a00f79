"""Windows of tokens: from a text file to a trained, saved and measured character model."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.data import StreamingSource, dataset_for, open_dataset, open_source
from zoo_core.errors import ConfigError, DataError, IncompatibleError, SettingError
from zoo_core.interfaces import Dataset, Labels, Split, Vocabulary
from zoo_core.interfaces.dataset import SplitName
from zoo_core.publishing.staging import stage

RECIPE = """format = 1

[recipes.toy]
summary = "a character model"
image_shape = [1, 1, 20]
sampler = ""

[recipes.toy.parts.language_model]
kind = "feature-extractor"
name = "zoo-toys:toy-lstm"

[recipes.toy.objectives.toy-next-token]
name = "zoo-toys:toy-next-token"

[recipes.toy.training]
epochs = 2
batch_size = 8
turns = [{ losses = ["fit"], players = ["language_model"] }]
players.language_model = { trains = ["language_model"], losses = ["fit"], optimizer = "adam", lr = 0.01 }
"""
POEM = "to be, or not to be: that is the question.\nwhether 'tis nobler in the mind to suffer\n" * 40


@pytest.fixture
def toy(toys: Path, fresh_registry: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toys with a recipe, and a text: its path."""
    (tmp_path / "recipes.toml").write_text(RECIPE)
    monkeypatch.setenv("ZOO_REGISTRY", str(tmp_path / "recipes.toml"))
    fresh_registry()
    text = tmp_path / "poem.txt"
    text.write_text(POEM, encoding="utf-8")
    return text


def text_of(dataset: Dataset, split: SplitName) -> str:
    x = dataset.split(split).x
    assert isinstance(x, Tensor)
    return "".join(dataset.vocabulary.strings(x.flatten()))


@pytest.mark.parametrize("length", [2, 7, 50])
def test_splits_are_stretches_of_the_text_which_do_not_overlap(toy: Path, length: int) -> None:
    dataset = open_dataset(f"text:{toy}", settings={"length": length})
    assert dataset.modality == "tokens" and dataset.image_shape == (1, 1, length) and dataset.labels == Labels()
    count, at = len(POEM), 0
    for name, end in (("train", 0.85), ("validation", 0.9), ("test", 1.0)):
        read = text_of(dataset, name)
        assert POEM[at:].startswith(read) and 0 <= round(end * count) - at - len(read) < length
        at = round(end * count)
    assert dataset.split("train").x[0].dtype == torch.int64


def test_the_vocabulary_is_that_of_the_whole_file(toy: Path) -> None:
    toy.write_text("ab" * 1000 + "é\r\n\U0001f600" * 10, encoding="utf-8")
    dataset = open_dataset(f"text:{toy}", settings={"length": 10})
    assert dataset.vocabulary.tokens == ("\n", "\r", "a", "b", "é", "\U0001f600")
    assert text_of(dataset, "test").endswith("é\r\n\U0001f600")


@pytest.mark.parametrize(
    ("content", "settings", "says"),
    [
        (b"ab\xff", {}, "no text in UTF-8: byte 2 is 0xff"),
        (b"", {}, r"the train part of .* has 0 of its 0 characters"),
        (
            b"a" * 100,
            {"length": 20},
            "the validation part of .* has 5 of its 100 characters, fewer than a window of 20",
        ),
        (b"a" * 100, {"validation": 0.5, "test": 0.5}, "nothing to train on"),
        (None, {}, "there is no file"),
    ],
)
def test_a_text_that_will_not_do_is_refused(
    toy: Path, content: bytes | None, settings: dict[str, Any], says: str
) -> None:
    toy.unlink() if content is None else toy.write_bytes(content)
    with pytest.raises(DataError, match=says):
        open_dataset(f"text:{toy}", settings=settings)


def test_windows_are_never_resized(toy: Path) -> None:
    with pytest.raises(DataError, match=r"is of tokens .* cannot be resized"):
        open_dataset(f"text:{toy}", image_size=32)
    model = zoo.build("toy", data=f"text:{toy}")
    with pytest.raises(DataError, match="windows of 30 tokens, the model takes 50"):
        dataset_for(model, f"text:{toy}", settings={"length": 30})


class Points(Dataset):
    """Ten points in a space of two dimensions."""

    name, image_shape, labels, modality = "points", (1, 1, 2), Labels(), "vector"

    def split(self, name: SplitName) -> Split:
        return Split(torch.rand(10, 1, 1, 2))


def test_points_are_never_resized_either() -> None:
    with pytest.raises(DataError, match=r"points is of points .* cannot be resized"):
        open_dataset(Points(), image_size=8)
    model = zoo.build("vae", data=Points(), encoder="mlp", decoder="mlp", latent_dim=2)
    assert model.config["modality"] == "vector" and dataset_for(model, Points()).image_shape == (1, 1, 2)
    assert next(iter(zoo.rounds(model, Points(), epochs=1, batch_size=5))).terms


def test_batches_hold_ids_as_they_are(toy: Path) -> None:
    dataset = open_dataset(f"text:{toy}", settings={"length": 9})
    split = dataset.split("train")
    batch = open_source(split, modality="tokens").batch(torch.tensor([3, 1]), torch.float64)
    assert batch.modality == "tokens" and batch.x.dtype == torch.int64
    assert torch.equal(batch.x, split.x[torch.tensor([3, 1])])  # type: ignore[index]
    with pytest.raises(DataError, match="int64"):
        open_source(split).batch(torch.tensor([0]))


def test_the_kit_takes_the_toys(toy: Path) -> None:
    from zoo_core.registry.components import registry
    from zoo_core.testing.running import component_checks, run_check

    for kind, name in (("feature-extractor", "toy-lstm"), ("objective", "toy-next-token"), ("metric", "toy-bits")):
        results = [run_check(bound, None) for bound in component_checks(registry().resolve(kind, name).entry)]
        assert [r for r in results if r.status not in ("passed",)] == []


def test_training_equals_a_hand_written_loop(toy: Path) -> None:
    data = f"text:{toy}"
    model, twin = (
        zoo.build("toy", data=data, data_settings={"length": 12}, seed=3, dtype=torch.float64) for _ in range(2)
    )
    net = twin.parts["language_model"]
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    seen: list[Tensor] = []
    net_of_game = model.parts["language_model"]
    net_of_game.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    for index, played in enumerate(zoo.rounds(model, data, epochs=1, seed=3, data_settings={"length": 12})):
        x = seen[-1]
        net.train()
        logits = net(x)[1][:, :-1]
        loss = cross_entropy(logits.flatten(0, 1), x[:, 1:].flatten()) / math.log(2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert abs(float(played.terms["toy-next-token.bits"].detach()) - float(loss.detach())) < 1e-12
        if index == 4:
            break
    for own, theirs in zip(net_of_game.parameters(), net.parameters(), strict=True):
        assert torch.allclose(own, theirs, rtol=0, atol=1e-12)


def test_a_user_trains_measures_and_keeps_a_character_model(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    line = [
        "train",
        "toy",
        "--data",
        f"text:{toy}",
        "--set",
        "data.length=25",
        "--set",
        "training.log_every=5",
        "--out",
        str(run),
    ]
    assert main([*line, "--epochs", "12"]) == 0
    said = capsys.readouterr().err
    assert "windows/s" in said and "images/s" not in said
    first, *_, last = [
        line for line in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()) if line["what"] == "train"
    ]
    assert "windows_per_second" in first
    assert last["values"]["toy-next-token.bits"] < 0.7 * first["values"]["toy-next-token.bits"]
    config = json.loads((run / "config.json").read_text())
    assert (
        config["modality"] == "tokens"
        and config["vocabulary"] == sorted(set(POEM))
        and config["image_shape"] == [1, 1, 25]
    )
    assert main(["eval", str(run), "--metric", "toy-bits", "--json"]) == 0
    assert 0 < json.loads(capsys.readouterr().out)[0]["value"] < 3
    assert main(["inspect", str(run)]) == 0
    assert f"windows of 25 tokens, a vocabulary of {len(set(POEM))}" in capsys.readouterr().out
    assert main(["info", "toy"]) == 0
    assert "tokens; 20 at a time" in capsys.readouterr().out


def test_the_card_speaks_of_tokens_and_names_no_path(toy: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    line = [
        "train",
        "toy",
        "--data",
        f"text:{toy}",
        "--set",
        "data.length=25",
        "--out",
        str(run),
        "--epochs",
        "1",
        "--quiet",
    ]
    assert main(line) == 0 and main(["eval", str(run), "--metric", "toy-bits"]) == 0
    stage(zoo.load(run), tmp_path / "card", repo="ada/poems", licence="mit", run=run)
    card = (tmp_path / "card" / "README.md").read_text()
    assert f"windows of 25 tokens from a vocabulary of {len(set(POEM))}" in card and "own text" in card
    assert "image" not in card and str(tmp_path) not in card and "poem.txt" not in card


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(toy: Path, tmp_path: Path) -> None:
    data, settings = f"text:{toy}", {"length": 20}
    whole = zoo.train(
        zoo.build("toy", data=data, data_settings=settings), data, data_settings=settings, epochs=2, progress=False
    )
    half = zoo.build("toy", data=data, data_settings=settings)
    zoo.train(half, data, data_settings=settings, epochs=1, out=tmp_path / "run", progress=False)
    from zoo_core.training import resume

    resumed = resume(tmp_path / "run", epochs=2, progress=False)
    for a, b in zip(whole.model.state_dict().values(), resumed.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_loaded_model_encodes_another_text_with_its_own_ids(toy: Path, tmp_path: Path) -> None:
    zoo.build("toy", data=f"text:{toy}").save(tmp_path / "model")
    model = zoo.load(tmp_path / "model")
    assert model.vocabulary.tokens == tuple(sorted(set(POEM)))
    other = tmp_path / "other.txt"
    other.write_text("the mind is to be nobler " * 80)
    dataset = dataset_for(model, f"text:{other}")
    assert dataset.vocabulary == model.vocabulary and dataset.image_shape == (1, 1, 50)
    assert text_of(dataset, "train").startswith("the mind is to be nobler the mind")
    assert torch.equal(dataset.split("train").x[0], model.vocabulary.ids(("the mind is to be nobler " * 80)[:50]))


def test_characters_that_a_model_does_not_know_are_named(toy: Path, tmp_path: Path) -> None:
    model = zoo.build("toy", data=f"text:{toy}")
    other = tmp_path / "other.txt"
    other.write_text("Ça va?\t" * 400, encoding="utf-8")
    with pytest.raises(DataError, match=r"has '\\t', '\?', 'v', 'Ç', which the model's vocabulary of \d+ tokens lacks"):
        dataset_for(model, f"text:{other}")
    with pytest.raises(DataError, match="lacks 'Z'"):
        model.vocabulary.ids("Zen")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["train", "vae", "--data", "text:{text}"], "takes images, not tokens"),
        (["train", "toy", "--data", "digits"], "takes tokens, not images"),
        (
            ["train", "toy", "--data", "text:{text}", "--set", "image_size=32"],
            "image_size: the data are windows of tokens",
        ),
        (["train", "toy", "--data", "text:{text}", "--set", "image_shape=[3,8,8]"], "should be [1, 1, length]"),
        (["train", "toy"], "choose data of tokens"),
        (["eval", "{tokens}", "--data", "digits", "--metric", "toy-bits"], "digits is of images, this toy of tokens"),
        (["eval", "{tokens}", "--data", "text:{text}", "--metric", "reconstruction"], "takes images, not tokens"),
        (
            ["eval", "{images}", "--data", "text:{text}", "--metric", "reconstruction"],
            "is of tokens, this vae of images",
        ),
        (["eval", "{images}", "--data", "digits", "--metric", "toy-bits"], "takes tokens, not images"),
        (
            ["sample", "{tokens}", "-n", "4", "--sampler", "prior"],
            "zoo sample writes pictures, and this toy is of tokens",
        ),
        (["reconstruct", "{images}", "--data", "text:{text}"], "is of tokens, this vae of images"),
        (
            ["reconstruct", "{tokens}", "--data", "text:{text}"],
            "zoo reconstruct writes pictures, and this toy is of tokens",
        ),
        (["plot", "{images}", "--what", "codes", "--data", "text:{text}"], "is of tokens, this vae of images"),
        (["plot", "{tokens}", "--what", "samples"], "takes images, not tokens"),
    ],
)
def test_images_and_tokens_are_told_apart(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: list[str], says: str
) -> None:
    zoo.build("vae", data="digits", encoder="mlp", decoder="mlp", latent_dim=2).save(tmp_path / "images")
    zoo.build("toy", data=f"text:{toy}").save(tmp_path / "tokens")
    places = {"text": toy, "images": tmp_path / "images", "tokens": tmp_path / "tokens"}
    assert (
        main(
            [
                *(word.format(**places) for word in line),
                *(["--out", str(tmp_path / "out.png")] if line[0] != "eval" else []),
            ]
        )
        != 0
    )
    said = capsys.readouterr().err
    assert says in said and "Traceback" not in said


def test_a_part_of_images_is_refused_before_it_is_built(toy: Path) -> None:
    with pytest.raises(IncompatibleError, match='language_model: "cifar-resnet20" takes images, not tokens') as refused:
        zoo.build("toy", data=f"text:{toy}", language_model={"name": "cifar-resnet20", "layers": ["logits"]})
    assert "toy-lstm" in (refused.value.hint or "")


def test_a_saved_part_keeps_its_ids(toy: Path, tmp_path: Path) -> None:
    zoo.build("toy", data=f"text:{toy}").save(tmp_path / "model")
    other = tmp_path / "other.txt"
    other.write_text("to be or not " * 100)
    model = zoo.build("toy", data=f"text:{other}", language_model=str(tmp_path / "model"))
    assert model.vocabulary.tokens == tuple(sorted(set(POEM)))
    other.write_text("TO BE" * 400)
    with pytest.raises(IncompatibleError, match="lacks 'B', 'E', 'O', 'T' of the data"):
        zoo.build("toy", data=f"text:{other}", language_model=str(tmp_path / "model"))


def test_windows_given_by_hand_are_checked(toy: Path) -> None:
    model = zoo.build("toy", data=f"text:{toy}", data_settings={"length": 4})
    assert model._images(torch.tensor([[0, 1, 2, 3]])).dtype == torch.int64
    for wrong in (
        torch.zeros(1, 5, dtype=torch.int64),
        torch.zeros(1, 4),
        torch.full((1, 4), 99),
        torch.full((1, 4), -1),
    ):
        with pytest.raises(SettingError, match="tokens should be"):
            model._images(wrong)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"modality": "sound"}, "modality should be one of image, vector, tokens"),
        ({"vocabulary": []}, "has a vocabulary where it is of tokens"),
        ({"modality": "image"}, "has a vocabulary where it is of tokens"),
        ({"vocabulary": ["a", "a"]}, "'a' is there twice"),
        ({"vocabulary": ["a", 3]}, "should hold strings"),
        ({"vocabulary": ["a", [3]]}, "should hold strings"),
        ({"image_shape": [3, 1, 50]}, "should be \\[1, 1, length\\]"),
    ],
)
def test_a_config_with_another_vocabulary_is_refused(
    toy: Path, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    zoo.build("toy", data=f"text:{toy}").save(tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ConfigError, match=says):
        zoo.load(tmp_path / "model")


def test_a_vocabulary_too_large_for_a_config_is_refused_before_training() -> None:
    with pytest.raises(DataError, match="too large for a model's config"):
        Vocabulary(tuple(f"word {number}" for number in range(60_000)))


def test_without_data_a_vocabulary_may_be_given(toy: Path) -> None:
    model = zoo.build("toy", vocabulary=Vocabulary(("a", "b")), image_shape=(1, 1, 7))
    assert model.parts["language_model"].shapes == {"states": (7, 16), "logits": (7, 2)}
    assert zoo.build(model.config).config == model.config


def test_a_missing_part_is_said_with_those_that_take_the_data(toy: Path) -> None:
    with pytest.raises(IncompatibleError) as refused:
        zoo.build("vae", data="digits", objective=["elbo", "cross-entropy"])
    assert "classifier" in str(refused.value) and "toy-lstm" not in (refused.value.hint or "")


def test_a_metric_of_images_does_not_look_through_a_model_of_tokens(toy: Path, tmp_path: Path) -> None:
    zoo.build("toy", data=f"text:{toy}").save(tmp_path / "tokens")
    model = zoo.build("vae", data="digits", encoder="mlp", decoder="mlp", latent_dim=2)
    fid = {"name": "fid", "features": str(tmp_path / "tokens"), "layer": "states"}
    with pytest.raises(zoo.ZooError, match="takes tokens, not images"):
        zoo.evaluate(model, "digits", [fid], limit=20)


def test_windows_that_are_read_one_at_a_time_give_the_same_batches(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy:
        def __init__(self, x: Tensor) -> None:
            self.x = x

        def __len__(self) -> int:
            return len(self.x)

        def __getitem__(self, index: int) -> Tensor:
            return self.x[index]

    whole = open_dataset(f"text:{toy}", settings={"length": 10})
    renumbered = dataset_for(
        zoo.build("toy", vocabulary=Vocabulary((*whole.vocabulary.tokens[::-1], "#")), image_shape=(1, 1, 10)), whole
    )
    split, again = whole.split("train"), renumbered.split("train")
    monkeypatch.setattr(type(whole), "split", lambda self, name: Split(Lazy(split.x)))  # type: ignore[arg-type]
    source = StreamingSource(renumbered.split("train"), modality="tokens", workers=0)
    rows = torch.tensor([5, 0, 2])
    assert source.image_shape == (1, 1, 10)
    assert torch.equal(next(source.batches([rows])).x, again.x[rows])  # type: ignore[index]
    assert [renumbered.vocabulary.strings(one) for one in again.x[:3]] == [
        whole.vocabulary.strings(one) for one in split.x[:3]
    ]  # type: ignore[index]
