"""The probe against closed forms and neighbours counted by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from zoo_basics.metrics.probe import ClassifierName, Probe

import zoo_core as zoo
from zoo_core.distributions import CodeSide, posterior_family
from zoo_core.errors import DataError, IncompatibleError
from zoo_core.interfaces import Batch, Encoder, Labels

SHAPE = (1, 1, 4)
TWO = Labels("classes", ("a", "b"))
APART = 2.0


class Pixels(Encoder):
    """Codes are the pixels; of a joint code the first two are the logits of the label."""

    def __init__(self, joint: bool = False) -> None:
        super().__init__()
        self.image_shape = SHAPE
        self.family = posterior_family("joint" if joint else "deterministic", 4, categories=2)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return x.flatten(1)


def two_classes(n: int, seed: int) -> Batch:
    """Gaussians with σ = 1 whose means are ``APART`` in the first pixel."""
    rng = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (n,), generator=rng)
    x = torch.randn(n, *SHAPE, generator=rng)
    x[:, 0, 0, 0] += APART * y
    return Batch(x, y)


def bayes(apart: float) -> float:
    """Percent that can be got right of two Gaussians with σ = 1 so far apart."""
    return 50 * (1 + math.erf(apart / 2 / math.sqrt(2)))


def pieces(batch: Batch) -> list[Batch]:
    return [batch.rows(start, start + 700) for start in range(0, len(batch), 700)]


@pytest.fixture
def probed(model_of: Callable[..., Any], generator: torch.Generator) -> Callable[..., dict[str, float]]:
    """Figures of a probe that is fitted to one batch and measured on another."""

    def run(probe: Probe, fit: Batch, test: Batch, joint: bool = False) -> dict[str, float]:
        model = model_of(SHAPE, TWO, encoder=Pixels(joint))
        probe.prepare(model, lambda name: pieces({"train": fit}[cast(Any, name)]), generator)
        return {figure.name: figure.value for figure in probe(model, pieces(test), generator)}

    return run


@pytest.mark.parametrize("classifier", ["linear", "mlp"])
def test_two_gaussians_are_told_apart_as_well_as_they_can_be(
    probed: Callable[..., dict[str, float]], classifier: ClassifierName
) -> None:
    got = probed(Probe(classifiers=(classifier,)), two_classes(4000, 0), two_classes(4000, 1))
    assert got[f"probe-{classifier}"] == pytest.approx(bayes(APART), abs=2 if classifier == "linear" else 6)
    assert got["probe-chance"] == pytest.approx(50, abs=3)


def test_neighbours_are_those_of_a_search_through_all(probed: Callable[..., dict[str, float]]) -> None:
    fit, test = two_classes(400, 0), two_classes(300, 1)
    got = probed(Probe(classifiers=("knn",)), fit, test)
    known, asked = fit.x.flatten(1).double(), test.x.flatten(1).double()
    mean, std = known.mean(0), known.std(0, unbiased=False)
    nearest = torch.cdist((asked - mean) / std, (known - mean) / std).topk(5, largest=False).indices
    assert fit.y is not None and test.y is not None
    votes = (fit.y[nearest].float().mean(1) > 0.5).long()
    assert got["probe-knn"] == pytest.approx(100 * (votes == test.y).double().mean().item())


class Blurred(Pixels):
    """Codes are the pixels with Gaussian noise of σ = 2."""

    def __init__(self) -> None:
        super().__init__()
        self.family = posterior_family("gaussian", 4)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        pixels = x.flatten(1)
        return torch.cat([pixels, torch.full_like(pixels, 7 * math.atanh(math.log(2) / 7))], 1)


@pytest.mark.parametrize(("codes", "sigma"), [("mean", 1.0), ("sample", math.sqrt(1 + 2**2))])
def test_a_draw_of_a_code_tells_less_than_its_mean(
    model_of: Callable[..., Any], generator: torch.Generator, codes: Any, sigma: float
) -> None:
    model = model_of(SHAPE, TWO, encoder=Blurred())
    probe = Probe(classifiers=("linear",), codes=codes)
    probe.prepare(model, lambda name: pieces(two_classes(4000, 0)), generator)
    linear, _ = probe(model, pieces(two_classes(4000, 1)), generator)
    assert linear.value == pytest.approx(bayes(APART / sigma), abs=2)
    assert linear.protocol["codes"] == codes


@pytest.mark.parametrize(("latent", "tells"), [("code", True), ("label", True), ("style", False)])
def test_a_side_of_a_joint_code_is_probed_alone(
    probed: Callable[..., dict[str, float]], latent: CodeSide, tells: bool
) -> None:
    got = probed(Probe(classifiers=("linear",), latent=latent), two_classes(2000, 0), two_classes(2000, 1), joint=True)
    # The label tells the difference of two pixels, whose σ is √2.
    assert got["probe-linear"] == pytest.approx(bayes(APART / math.sqrt(2)) if tells else 50, abs=4)


def test_examples_without_a_label_are_left_out_of_both(probed: Callable[..., dict[str, float]]) -> None:
    fit, test = two_classes(600, 0), two_classes(500, 1)
    assert fit.y is not None and test.y is not None
    whole = probed(Probe(), fit, test)
    extra = Batch(torch.full((50, *SHAPE), 1e3), torch.full((50,), -1))
    joined = [Batch(torch.cat([b.x, extra.x]), torch.cat([cast(Tensor, b.y), extra.y])) for b in (fit, test)]
    assert probed(Probe(), *joined).keys() == whole.keys()
    assert probed(Probe(), *joined)["probe-linear"] == pytest.approx(whole["probe-linear"], abs=1)


def test_what_cannot_be_probed_is_said(model_of: Callable[..., Any], generator: torch.Generator) -> None:
    model = model_of(SHAPE, TWO, encoder=Pixels())
    batch = two_classes(50, 0)
    with pytest.raises(IncompatibleError, match="before it was prepared"):
        Probe()(model, [batch], generator)
    with pytest.raises(IncompatibleError, match=r"probe\.latent=style.*no sides.*probe\.latent=code"):
        Probe(latent="style").prepare(model, lambda name: [batch], generator)
    with pytest.raises(DataError, match=r"at least 20 .* got 19 of 2"):
        Probe().prepare(model, lambda name: [batch.rows(0, 19)], generator)
    with pytest.raises(DataError, match=r"got 50 of 1"):
        Probe().prepare(model, lambda name: [Batch(batch.x, torch.zeros(50, dtype=torch.int64))], generator)
    probe = Probe()
    probe.prepare(model, lambda name: [batch], generator)
    with pytest.raises(DataError, match="no example has a label"):
        probe(model, [Batch(batch.x, torch.full((50,), -1))], generator)
    with pytest.raises(IncompatibleError, match="data with classes"):
        probe(model, [Batch(batch.x)], generator)


def test_zoo_eval_probes_a_model_by_name() -> None:
    data = zoo.open_dataset("digits")
    model = zoo.build("vae-mlp", data=data, latent_dim=8, **{"encoder.hidden": [32], "decoder.hidden": [32]})
    figures = {figure.name: figure for figure in zoo.evaluate(model, data, ["probe"], split="validation")}
    assert set(figures) == {"probe-linear", "probe-knn", "probe-chance"}
    assert figures["probe-linear"].value > 3 * figures["probe-chance"].value, "even random layers keep classes apart"
    assert figures["probe-linear"].protocol["fitted_on"] == "train"
