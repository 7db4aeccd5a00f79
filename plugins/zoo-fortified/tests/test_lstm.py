"""A character model with a denoising autoencoder."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
import torch
from torch.nn.functional import cross_entropy
from zoo_fortified import without_noise
from zoo_fortified.lstm import FortifiedLSTM
from zoo_fortified.metrics.free_running import FreeRunningRatio, _sampled

import zoo_core as zoo
from zoo_core.game import Step
from zoo_core.interfaces import Batch, Objective
from zoo_core.noise import GeneratorNoise, KeyedNoise

POEM = "to be, or not to be: that is the question.\nwhether 'tis nobler in the mind to suffer\n" * 40


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "poem.txt").write_text(POEM, encoding="utf-8")
    return f"text:{tmp_path / 'poem.txt'}"


def build(text: str) -> zoo.Model:
    return zoo.build("fortified-lstm", data=text, language_model={"width": 32, "embedding": 8}, seed=0)


def net_of(model: zoo.Model) -> FortifiedLSTM:
    return cast(FortifiedLSTM, model.parts["language_model"])


def test_its_states_go_on_from_where_they_were(text: str) -> None:
    net = net_of(build(text)).eval()
    x = torch.randint(10, (3, 12))
    with without_noise(net), torch.no_grad():
        whole = net.advance(x)
        first = net.advance(x[:, :5])
        rest = net.advance(x[:, 5:], first.state)
    assert torch.allclose(whole.logits[:, 5:], rest.logits, atol=1e-6)
    assert torch.allclose(whole.denoised[:, 5:], rest.denoised, atol=1e-6)


def test_terms(text: str) -> None:
    model = build(text).eval()
    x = torch.randint(10, (3, 50))
    step = Step({**model.parts, **model.objectives}, Batch(x), KeyedNoise(0, 0))
    objective = cast(Objective, model.objectives["next-token"])
    terms = {term.name: term.value for term in objective.terms("fit", step)}
    seen = step.features("language_model")
    wanted = torch.stack([cross_entropy(seen["logits"][:, t], x[:, t + 1]) for t in range(49)]).mean()
    assert torch.allclose(terms["next_token"], wanted)
    assert torch.allclose(terms["reconstruction"], (seen["states.denoised"] - seen["states"]).square().mean())


def test_draws_follow_the_probabilities() -> None:
    logits = torch.tensor([0.1, 0.0, 0.6, 0.3]).log().expand(20_000, 4)
    drawn = _sampled(logits, GeneratorNoise(torch.Generator().manual_seed(0)))
    shares = drawn.bincount(minlength=4) / len(drawn)
    assert shares[1] == 0
    assert torch.allclose(shares, torch.tensor([0.1, 0.0, 0.6, 0.3]), atol=0.015)


def test_it_learns_a_text_and_is_measured(text: str, tmp_path: Path) -> None:
    model = build(text)
    asked = {"name": "free-running-ratio", "steps": [5, 10], "last": 5, "primer": 10, "windows": 5}
    before = {f.name: f for f in zoo.evaluate(model, data=text, metrics=[asked])}
    zoo.train(model, data=text, out=tmp_path / "run", epochs=15, batch_size=8, progress=False)
    after = {f.name: f for f in zoo.evaluate(model, data=text, metrics=[asked])}
    assert set(after) == {"bits-per-token", "free-running-ratio-5", "free-running-ratio-10"}
    assert after["bits-per-token"].value < 0.7 * before["bits-per-token"].value
    assert 0.2 < after["free-running-ratio-10"].value < 10
    again = {f.name: f.value for f in zoo.evaluate(zoo.load(tmp_path / "run"), data=text, metrics=[asked])}
    assert again == pytest.approx({name: figure.value for name, figure in after.items()})


def test_a_model_that_reads_the_text_again_has_ratio_one(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With draws that are the text itself both errors are the same."""
    model = build(text)
    x = torch.randint(10, (4, 50))
    truth = iter(x[:, 25:].T)
    monkeypatch.setattr("zoo_fortified.metrics.free_running._sampled", lambda logits, noise: next(truth))
    metric = FreeRunningRatio(steps=(25,), last=25, primer=25, draws=1)
    generator = torch.Generator().manual_seed(0)
    with model.evaluating(generator):
        found = {f.name: f.value for f in metric(model, [Batch(x)], generator)}
    assert found["free-running-ratio-25"] == pytest.approx(1.0, abs=1e-5)
