"""Samplers from the side of their users: images to start from, attributes, traces, notes, and many pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.errors import SettingError
from zoo_core.interfaces import Labels, Sampler, Samples
from zoo_core.registry.components import registry
from zoo_core.testing.results import CheckResult
from zoo_core.testing.running import component_checks, run_check

SHAPE = (1, 8, 8)
SMALL: dict[str, Any] = {"encoder.hidden": [6], "decoder.hidden": [5], "latent_dim": 4}
X = torch.rand(40, *SHAPE, generator=torch.Generator().manual_seed(0))
CLASSES = Labels("classes", ("cat", "dog", "hen"))
pytestmark = pytest.mark.usefixtures("toys")
Captured = pytest.CaptureFixture[str]


def vae(**settings: Any) -> zoo.Model:
    return zoo.build("vae-mlp", **{"image_shape": SHAPE, **SMALL, **settings})


def checked(name: str) -> list[CheckResult]:
    """What the kit says of a sampler."""
    return [run_check(bound, None) for bound in component_checks(registry().resolve("sampler", name).entry)]


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the model ``m`` and the images ``x.npz``."""
    monkeypatch.chdir(tmp_path)
    np.savez("x.npz", x=(X * 255).to(torch.uint8).numpy())
    vae().save(tmp_path / "m")
    return tmp_path


@pytest.mark.parametrize("name", ["toy-chain", "toy-faces"])
def test_the_toys_pass_the_kit(name: str) -> None:
    assert [one for one in checked(name) if one.status == "failed"] == []


def test_a_sampler_says_whether_it_starts_from_images() -> None:
    with_prior, without = vae(), zoo.build("autoencoder", image_shape=SHAPE, encoder="mlp", decoder="mlp")
    for name, expected in (("prior", (False, None)), ("interpolation", (False, True)), ("toy-chain", (True, True))):
        assert with_prior.sampler(name).starts_from_images(with_prior) is expected[0]
        if expected[1] is not None:
            assert without.sampler(name).starts_from_images(without) is expected[1]


def test_a_chain_from_images_needs_no_data_named_where_the_run_has_some(saved: Path, capsys: Captured) -> None:
    out = ["--sampler", "toy-chain", "-n", "4", "--out", "a.png"]
    assert main(["sample", "m", *out, "--data", "npz:x.npz"]) == 0
    assert main(["sample", "m", *out]) == 2  # m is no run folder
    assert "Traceback" not in capsys.readouterr().err
    small = ("encoder.hidden=[6]", "decoder.hidden=[5]", "sampler=toy-chain", "training.batch_size=8")
    settings = [arg for key in small for arg in ("--set", key)]
    assert main(["train", "vae-mlp", "--data", "npz:x.npz", "--epochs", "1", "--quiet", "--out", "run", *settings]) == 0
    assert "zoo reconstruct run" in capsys.readouterr().out
    assert main(["sample", "run", "-n", "4", "--out", "b.png"]) == 0


def test_notes_are_printed(saved: Path, capsys: Captured) -> None:
    assert main(["sample", "m", "--sampler", "toy-chain", "--data", "npz:x.npz", "-n", "4", "--set", "steps=1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "4 pictures in samples.png" and said[2] == "start: images"
    name, _, value = said[1].partition(": ")
    assert name == "acceptance" and 0 <= float(value) <= 1


def test_a_trace_is_a_row_for_each_picture_or_a_moving_grid(saved: Path, capsys: Captured) -> None:
    chain = ["sample", "m", "--sampler", "toy-chain", "--data", "npz:x.npz", "-n", "4", "--set", "steps=5"]
    assert main([*chain, "--trace", "t.png"]) == 0
    assert "5 steps in t.png" in capsys.readouterr().out
    with Image.open("t.png") as image:
        factor = image.width // (5 * 10 + 2)
        assert image.size == (factor * (5 * 10 + 2), factor * (4 * 10 + 2))
    assert main([*chain, "--trace", "t.GIF"]) == 0
    with Image.open("t.GIF") as image:
        assert image.format == "GIF" and image.size == (2 * 10 + 2, 2 * 10 + 2)
        assert image.n_frames > 1  # type: ignore[attr-defined]
    capsys.readouterr()
    assert main([*chain, "--trace", "--out", "way.gif"]) == 0
    assert (
        "5 steps in way.gif" in capsys.readouterr().out and Path("way.gif").read_bytes() == Path("t.GIF").read_bytes()
    )


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--trace", "t.png"], "--trace: PriorSampler keeps no trace"),
        (["--trace", "t.txt"], "should end with .png"),
        (["--out", "t.jpg", "--trace"], "--out: 't.jpg' should end with .png"),
        (["--out", "pictures/", "--trace", "t.png"], "--trace: is for pictures in one file"),
        (["--out", "pictures/", "--columns", "3"], "--columns: is for pictures in one file"),
        (["--out", "m"], "the folder m is not empty"),
        (["--attribute", "smiling=1"], "takes no labels; leave --attribute out"),
        (
            ["--sampler", "toy-chain", "--data", "npz:x.npz", "-n", "600", "--out", "pictures/"],
            "images to start from are used up",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(saved: Path, capsys: Captured, more: list[str], says: str) -> None:
    assert main(["sample", "m", *more]) == 2
    said = capsys.readouterr().err
    assert says in said and "Traceback" not in said


def test_many_pictures_go_into_a_folder_one_file_each(
    saved: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo_core.cli.sample.CHUNK", 8)
    assert main(["sample", "m", "-n", "21", "--out", "pictures/"]) == 0
    assert capsys.readouterr().out == "21 pictures in pictures\n"
    found = sorted((saved / "pictures").iterdir())
    assert [path.name for path in found] == [f"{i:02d}.png" for i in range(21)]
    with Image.open(found[0]) as image:
        assert image.size == (8, 8)
    assert len({path.read_bytes() for path in found}) == 21
    (saved / "empty").mkdir()
    assert main(["sample", "m", "-n", "21", "--out", "empty", "--seed", "0"]) == 0
    assert [path.read_bytes() for path in sorted((saved / "empty").iterdir())] == [path.read_bytes() for path in found]
    again = ["--sampler", "toy-chain", "--data", "npz:x.npz", "-n", "4", "--out", "chain/"]
    assert main(["sample", "m", *again]) == 0
    assert "acceptance: " in capsys.readouterr().out


def test_chunks_end_with_whole_rows_and_labels_go_with_their_pictures() -> None:
    model = vae(labels=CLASSES, **{"decoder.conditional": True})
    chunks = list(model.sample_chunks(20, seed=0, chunk=8))
    assert [len(chunk.x) for chunk in chunks] == [6, 6, 6, 2], "rows of three classes"
    y = torch.arange(20) % 3
    told = list(model.sample_chunks(20, seed=0, chunk=8, y=y))
    assert [len(chunk.x) for chunk in told] == [8, 8, 4]
    for i, chunk in enumerate(told):
        assert chunk.z is not None
        torch.testing.assert_close(model.decode(chunk.z, y[8 * i : 8 * i + len(chunk.x)]), chunk.x)
    same = list(model.sample_chunks(20, seed=0, chunk=8, y=y))
    assert all(torch.equal(a.x, b.x) for a, b in zip(told, same, strict=True))
    assert torch.equal(next(model.sample_chunks(8, seed=3)).x, model.sample(8, seed=3))


def test_chunks_of_a_chain_start_from_images_of_their_own_and_keep_their_trace() -> None:
    model = vae()
    chunks = list(model.sample_chunks(8, {"name": "toy-chain", "steps": 2}, seed=0, chunk=5, x=X.split(4)))
    assert [len(chunk.x) for chunk in chunks] == [4, 4]
    for chunk in chunks:
        assert chunk.trace is not None and chunk.trace.shape == (2, 4, *SHAPE)
        assert torch.equal(chunk.trace[-1], chunk.x)
    with pytest.raises(SettingError, match="used up after 8 pictures"):
        list(model.sample_chunks(9, "toy-chain", chunk=4, x=X[:8].split(4)))
    with pytest.raises(SettingError, match="chunk: should be asked for"):
        list(model.sample_chunks(9, chunk=0))


def test_attributes_are_asked_for_by_name(saved: Path, capsys: Captured) -> None:
    vae(labels=Labels("attributes", ("smiling", "old")), sampler="toy-faces").save(saved / "faces")
    shades = {}
    for asked in ([], ["smiling=1"], ["smiling=0", "old=1"], ["smiling=1", "old=1"]):
        more = [arg for one in asked for arg in ("--attribute", one)]
        assert main(["sample", "faces", "-n", "1", "--out", "f/" if not asked else f"{len(shades)}.png", *more]) == 0
        path = saved / ("f/0.png" if not asked else f"{len(shades)}.png")
        shades[tuple(asked)] = int(np.asarray(Image.open(path))[12 if asked else 4, 12 if asked else 4, 0])
    assert list(shades.values()) == pytest.approx([128, 191, 128, 255], abs=1)
    for asked, says in (
        ("smilng=1", 'did you mean "smiling"'),
        ("smiling", "should be NAME=1 or NAME=0"),
        ("=1", "should be NAME=1"),
        ("old=2", "should be NAME=1 or NAME=0; the attributes are smiling, old"),
    ):
        capsys.readouterr()
        assert main(["sample", "faces", "--attribute", asked]) == 2
        assert says in capsys.readouterr().err
    assert main(["sample", "faces", "--attribute", "old=1", "--attribute", "old=0"]) == 2
    assert "there twice" in capsys.readouterr().err
    assert main(["sample", "faces", "--label", "1"]) == 2
    assert "takes attributes; for instance --attribute NAME=1" in capsys.readouterr().err
    vae(labels=CLASSES, **{"decoder.conditional": True}).save(saved / "pets")
    assert main(["sample", "pets", "--attribute", "cat=1"]) == 2
    assert "takes classes; for instance --label NAME" in capsys.readouterr().err


def test_a_sampler_that_needs_images_and_does_not_say_so_fails_the_kit(monkeypatch: pytest.MonkeyPatch) -> None:
    cls = zoo.build("vae-mlp", image_shape=SHAPE, **SMALL).sampler("toy-chain").__class__
    usual = cls.__call__

    def asking(self: Sampler, model: zoo.Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        if "x" not in conditions:
            raise SettingError("give images")
        return usual(self, model, n, generator, **conditions)  # type: ignore[return-value]

    monkeypatch.setattr(cls, "__call__", asking)
    monkeypatch.setattr(cls, "starts_from_images", Sampler.starts_from_images)
    failed = {one.check: one.reason for one in checked("toy-chain") if one.status == "failed"}
    assert "starts_from_images" in failed["samples_are_pictures"]


def test_a_step_decodes_and_infers_with_the_labels_of_its_batch() -> None:
    from zoo_core.game.step import Step
    from zoo_core.interfaces import Batch
    from zoo_core.noise import KeyedNoise

    model = vae(labels=CLASSES, **{"decoder.conditional": True}).to(torch.float64)
    y = torch.arange(6) % 3
    step = Step({**model.parts, **model.objectives}, Batch(X[:6].double(), y), KeyedNoise(0, 0))  # type: ignore[arg-type, dict-item]
    z, other = torch.randn(6, 4, dtype=torch.float64, requires_grad=True), X[6:12].double()
    assert torch.equal(step.decode(z).mean, model.decode(z, y))
    assert torch.equal(step.infer(other).mean, model.posterior(other).mean)
    assert torch.equal(step.infer(step.x).mean, step.posterior().mean)
    assert torch.autograd.grad(step.decode(z).mean.sum(), z)[0].abs().sum() > 0
    value = step.value("near", lambda: step.decode(z.detach()).mean)
    assert step.value("near", lambda: None) is value
    step.invalidate(frozenset({"decoder"}))
    assert step.value("near", lambda: None) is None, "it used the decoder"
