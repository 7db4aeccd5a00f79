"""Encoders and decoders that are given attributes: q(z given x, a) and p(x given z, a)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor
from zoo_basics.metrics.elbo import ELBOMetric
from zoo_basics.metrics.nll import NLL
from zoo_basics.metrics.reconstruction import ReconstructionError

import zoo_core as zoo
from zoo_core.data.labels import in_turn
from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.game.step import Step
from zoo_core.interfaces import Batch, Labels, Part
from zoo_core.model import Model
from zoo_core.noise import KeyedNoise

ATTRIBUTES = Labels("attributes", ("bald", "smiling", "young"))
SHAPE = (1, 16, 16)
SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [16]}, "dcgan": {"width": 4}, "resnet": {"width": 4}, "discgen": {"width": 2, "hidden": 8},
}  # fmt: skip


def cvae(net: str = "mlp", encoder: bool = True, decoder: bool = True, **settings: Any) -> Model:
    return zoo.build("vae", image_shape=SHAPE, labels=ATTRIBUTES, latent_dim=3, seed=0,
                     encoder={"name": net, **SMALL[net], "conditional": encoder},
                     decoder={"name": net, **SMALL[net], "conditional": decoder}, **settings)  # fmt: skip


def rows(n: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, *SHAPE, generator=generator)
    return Batch(x, None, torch.randint(2, (n, 3), generator=generator).to(torch.int8), labels=ATTRIBUTES)


@pytest.mark.parametrize("net", SMALL)
def test_attributes_move_the_posterior_and_the_picture(net: str) -> None:
    # In train mode, as the signal of a fresh deep net dies out under running statistics that are fresh, too.
    model, x = cvae(net).train(), rows().x
    encoder, decoder = cast(Any, model.parts["encoder"]), cast(Any, model.parts["decoder"])
    told = [torch.tensor(a, dtype=torch.int8).repeat(6, 1) for a in ([1, 0, 0], [1, 1, 0], [1, -1, 0])]
    told = [torch.cat([rows(3).attributes, a[3:]]) for a in told]
    codes = [encoder.posterior(x, a).mean for a in told]
    pictures = [decoder.likelihood(codes[0], a).mean for a in told]
    for one in (codes, pictures):
        assert all(not torch.allclose(one[i], one[j], atol=1e-6) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_an_attribute_that_is_not_known_stands_halfway() -> None:
    model, x = cvae().double(), rows().x.double()
    encoder = cast(Any, model.parts["encoder"])
    beside = torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64).expand(6, 3)
    by_hand: Tensor = encoder.head(encoder.hidden(torch.cat([x.flatten(1), beside], 1)))
    torch.testing.assert_close(model.encode(x, [1, -1, 0]), by_hand[:, :3], rtol=0, atol=1e-12)


def test_the_elbo_in_training_is_that_of_the_batch_s_attributes() -> None:
    model, given = cvae().double(), rows()
    given = Batch(given.x.double(), None, given.attributes, labels=ATTRIBUTES)
    step = Step(
        {name: cast(Part, part) for name, part in model.parts.items()}, given, KeyedNoise(0, 0, dtype=torch.float64)
    )
    assert step.condition is given.attributes and step.y is None and given.attributes is not None
    encoder, decoder, a = (
        cast(Any, model.parts["encoder"]),
        cast(Any, model.parts["decoder"]),
        given.attributes.double(),
    )
    statistics = encoder.head(encoder.hidden(torch.cat([given.x.flatten(1), a], 1)))
    mean, log_sigma = statistics[:, :3], 7 * torch.tanh(statistics[:, 3:] / 7)
    z = mean + log_sigma.exp() * KeyedNoise(0, 0, dtype=torch.float64).normal("z", (6, 3))
    logits = decoder.head(decoder.hidden(torch.cat([z, a], 1))).view(-1, *SHAPE)
    nll = (
        -torch.distributions.Normal(torch.sigmoid(logits), decoder.family.log_sigma().exp())
        .log_prob(given.x)
        .flatten(1)
        .sum(1)
        .mean()
    )
    terms = {term.name: term.value for term in cast(Any, model.objectives["elbo"]).terms("fit", step)}
    torch.testing.assert_close(terms["nll"], nll / 256, rtol=0, atol=1e-12)
    assert given.rows(1, 3).condition is not None and len(cast(Tensor, given.rows(1, 3).condition)) == 2


def test_what_parts_are_told_follows_the_labels_of_the_data() -> None:
    y, attributes = torch.zeros(2, dtype=torch.int64), torch.ones(2, 3, dtype=torch.int8)
    x = torch.rand(2, *SHAPE)
    assert Batch(x, y, attributes, labels=ATTRIBUTES).condition is attributes
    assert Batch(x, y, attributes, labels=Labels("classes", ("a",))).condition is y
    assert (
        Batch(x, None, attributes).condition is attributes and Batch(x, y).condition is y and Batch(x).condition is None
    )


@pytest.mark.parametrize("metric", [ELBOMetric(), NLL(draws=3), ReconstructionError()], ids=lambda m: type(m).__name__)
def test_metrics_give_the_attributes(metric: Any) -> None:
    model, given = cvae(), rows()
    other = Batch(given.x, None, 1 - cast(Tensor, given.attributes), labels=ATTRIBUTES)
    first, second = (metric(model, [one], torch.Generator().manual_seed(0)) for one in (given, other))
    assert all(np.isfinite(figure.value) for figure in first) and first[0].value != second[0].value


def test_samples_have_what_is_asked_for_else_one_attribute_each_in_turn() -> None:
    model = cvae(encoder=False)
    samples = model.samples(6, seed=0)
    assert samples.z is not None and samples.columns == 3
    assert torch.equal(samples.x, model.decode(samples.z, torch.eye(3).repeat(2, 1)))
    assert torch.equal(model.sample(6, seed=0, y=[1, 0, 1]), model.decode(samples.z, [1, 0, 1]))
    assert in_turn(ATTRIBUTES, 2, start=2).tolist() == [[0, 0, 1], [1, 0, 0]]
    x = rows(4).x
    walk = cvae().samples(4, {"name": "interpolation", "steps": 2}, x=x)
    assert walk.z is not None
    torch.testing.assert_close(walk.z, cvae().encode(x, torch.eye(3)[[0, 0, 1, 1]]), atol=1e-6, rtol=0)


def test_a_prior_has_places_for_classes_and_none_for_attributes() -> None:
    model = zoo.build(
        "aae-fast",
        image_shape=SHAPE,
        labels=ATTRIBUTES,
        prior={"name": "gaussian-mixture", "components": 3},
        latent_dim=2,
        **{"encoder.hidden": [4], "decoder.hidden": [4]},
    )
    assert model.sample(4, seed=0).shape == (4, *SHAPE)
    with pytest.raises(SettingError, match="takes no labels"):
        model.sample(4, y=[1, 0, 1])


def test_what_is_no_row_of_attributes_is_refused_in_words() -> None:
    model, x = cvae(), rows().x
    with pytest.raises(SettingError, match="y should be 6 rows of 3 attributes, or one for all") as caught:
        model.encode(x, 1)
    assert "bald, smiling, young" in str(caught.value)
    with pytest.raises(IncompatibleError, match="a conditional encoder was given no labels y") as missing:
        model.encode(x)
    assert "give y (N, 3): 0 or 1 for each attribute" in str(missing.value)
    with pytest.raises(IncompatibleError, match=r"takes attributes, got labels of shape \(6,\)"):
        cast(Any, model.parts["decoder"])(torch.zeros(6, 3), torch.zeros(6, dtype=torch.int64))
    with pytest.raises(SettingError, match="a conditional decoder needs data with classes or attributes"):
        zoo.build("vae", image_shape=SHAPE, labels=Labels(), decoder={"conditional": True})


def attribute_file(folder: Path) -> Path:
    generator = np.random.default_rng(0)
    attributes = generator.integers(0, 2, (60, 3)).astype(np.int8)
    x = (generator.random((60, 16, 16, 1)) * 100 + 100 * attributes[:, 1, None, None, None]).astype(np.uint8)
    path = folder / "faces.npz"
    np.savez(path, x_train=x, attr_train=attributes, attr_names=np.array(ATTRIBUTES.names))
    return path


def test_it_trains_on_an_attribute_file_and_the_command_samples_reconstructs_and_evaluates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from zoo_core.cli import main

    data = f"npz:{attribute_file(tmp_path)}"
    run = tmp_path / "run"
    small = [
        f"--set={one}"
        for one in (
            "encoder.hidden=[8]",
            "decoder.hidden=[8]",
            "latent_dim=2",
            "encoder.conditional=true",
            "decoder.conditional=true",
            "training.batch_size=20",
        )
    ]
    assert (
        main(["train", "vae-mlp", "--data", data, "--epochs", "2", "--out", str(run), "--device", "cpu", *small]) == 0
    )
    picture = str(tmp_path / "x.png")
    assert (
        main(["sample", str(run), "-n", "4", "--attribute", "smiling=1", "--attribute", "bald=0", "--out", picture])
        == 0
    )
    assert main(["reconstruct", str(run), "--data", data, "--split", "train", "--out", picture, "--device", "cpu"]) == 0
    capsys.readouterr()
    assert (
        main(["eval", str(run), "--data", data, "--split", "train", "--metric", "elbo", "--json", "--device", "cpu"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)
    model = zoo.load(run)
    x = rows(2).x
    torch.testing.assert_close(model.reconstruct(x, [0, 1, 0]), model.decode(model.encode(x, [0, 1, 0]), [0, 1, 0]))
    assert main(["sample", str(run), "-n", "4", "--label", "1", "--out", picture]) != 0
    assert "takes attributes" in capsys.readouterr().err


def test_a_part_told_classes_does_not_become_one_told_attributes(tmp_path: Path) -> None:
    told = zoo.build(
        "vae",
        image_shape=SHAPE,
        labels=Labels("classes", ("a", "b", "c")),
        latent_dim=3,
        encoder={"name": "mlp", "hidden": [4]},
        decoder={"name": "mlp", "hidden": [4], "conditional": True},
    )
    saved = told.save(tmp_path / "classes")
    with pytest.raises(
        IncompatibleError,
        match="was trained with the classes a, b, c; this model has the attributes bald, smiling, young",
    ):
        zoo.build(
            "vae",
            image_shape=SHAPE,
            labels=ATTRIBUTES,
            latent_dim=3,
            encoder={"name": "mlp", "hidden": [4]},
            decoder=str(saved),
        )
