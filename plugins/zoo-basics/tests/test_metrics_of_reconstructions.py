"""FID and KID of reconstructions: of some images, against others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor
from zoo_basics.metrics.extractor import choose_extractor
from zoo_basics.metrics.kid import squared_discrepancy

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.errors import DataError, IncompatibleError, SettingError
from zoo_core.evaluation.metrics import evaluate
from zoo_core.interfaces import MetricResult

SMALL: dict[str, Any] = {"latent_dim": 4, "encoder.hidden": [16], "decoder.hidden": [16]}
OF: dict[str, Any] = {"features": "digit-classifier", "of": "reconstructions", "cache": False}


@pytest.fixture(scope="module")
def model() -> zoo.Model:
    return zoo.build("vae-mlp", data="digits", **SMALL)


def measured(model: zoo.Model, limit: int | None = 101, seed: int = 0, **settings: Any) -> MetricResult:
    (figure,) = evaluate(model, "digits", [{**OF, **settings}], limit=limit, seed=seed, device="cpu")
    return figure


def images_of(count: int) -> Tensor:
    return zoo.open_dataset("digits").split("test").x[:count].float() / 255


def by_hand(model: zoo.Model, count: int, made: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Features of the images that are compared with, and of the reconstructions of the others."""
    x, order = images_of(count), torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    extractor = choose_extractor("digit-classifier", None, model, "features")
    return extractor(x[order[made:]]), extractor(model.reconstruct(x[order[:made]]))


def test_fid_of_reconstructions_is_the_distance_from_the_other_images(model: zoo.Model) -> None:
    figure = measured(model, name="fid")
    real, made = (features.double().numpy() for features in by_hand(model, 101, 50))
    root = scipy.linalg.sqrtm(np.cov(real, rowvar=False) @ np.cov(made, rowvar=False)).real
    means = np.square(real.mean(0) - made.mean(0)).sum()
    wanted = means + np.trace(np.cov(real, rowvar=False) + np.cov(made, rowvar=False) - 2 * root)
    assert figure.name == "reconstruction-fid" and figure.value == pytest.approx(wanted, rel=1e-3)
    assert {"real": 51, "samples": 50, "of": "reconstructions"}.items() <= figure.protocol.items()
    assert "sampler" not in figure.protocol


def test_kid_of_reconstructions_compares_blocks_of_images_that_are_not_reconstructed(model: zoo.Model) -> None:
    figure = measured(model, name="kid", block=20)
    real, made = by_hand(model, 101, 50)
    each = [squared_discrepancy(real[20 * i : 20 * i + 20], made[20 * i : 20 * i + 20]) for i in range(2)]
    assert figure.name == "reconstruction-kid" and figure.value == pytest.approx(sum(each) / 2, rel=1e-4)
    assert {"real": 40, "samples": 40, "block": 20, "blocks": 2}.items() <= figure.protocol.items()


@pytest.mark.parametrize("name", ["fid", "kid"])
def test_a_perfect_autoencoder_is_as_far_from_the_others_as_images_are(
    model: zoo.Model, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    spoilt = measured(model, None, name=name).value
    seen: list[Tensor] = []

    def exact(x: Tensor, y: Tensor | None = None) -> Tensor:
        seen.append(x)
        return x

    monkeypatch.setattr(model, "reconstruct", exact)
    figure = measured(model, None, name=name)
    assert figure.value < 0.1 * spoilt
    # Not 0: the images are others than those that are compared with.
    assert figure.value != 0
    reconstructed, every = torch.cat(seen).flatten(1), images_of(figure.protocol["examples"]).flatten(1)
    assert len(reconstructed) == len(every) // 2 == len(torch.unique(reconstructed, dim=0))


def test_the_unbiased_estimate_for_exact_reconstructions_scatters_around_zero(
    model: zoo.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "reconstruct", lambda x, y=None: x)
    values = torch.tensor([measured(model, None, seed, name="kid", block=25).value for seed in range(8)])
    assert abs(values.mean()) < 4 * values.std() / 8**0.5 and (values < 0).any()


def test_the_seed_decides_which_images_are_reconstructed(model: zoo.Model) -> None:
    first, again, other = (measured(model, seed=seed, name="fid").value for seed in (0, 0, 1))
    assert first == again != other


def test_the_cache_tells_the_seeds_apart(model: zoo.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    for name in ("fid", "kid"):
        for seed in (0, 1, 0):
            kept = measured(model, seed=seed, name=name, cache=True).value
            assert kept == pytest.approx(measured(model, seed=seed, name=name).value, rel=1e-6)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 4


def test_fewer_may_be_reconstructed_and_are_compared_with_all_others(model: zoo.Model) -> None:
    assert {"real": 81, "samples": 20}.items() <= measured(model, name="fid", samples=20).protocol.items()


def test_a_model_that_takes_labels_reconstructs_with_those_of_the_images() -> None:
    conditional = zoo.build("vae-mlp", data="digits", **SMALL, **{"decoder.conditional": True})
    assert measured(conditional, 40, name="fid").value > 0


def test_what_cannot_be_is_refused(model: zoo.Model) -> None:
    gan = zoo.build(
        "gan", data="digits", decoder={"name": "mlp", "hidden": [8]}, discriminator={"name": "mlp", "hidden": [8]}
    )
    with pytest.raises(IncompatibleError, match="makes no reconstructions: it has no encoder"):
        measured(gan, name="fid")
    with pytest.raises(SettingError, match="drawn by no sampler"):
        measured(model, name="kid", sampler="prior")
    with pytest.raises(DataError, match="at least four images"):
        measured(model, 3, name="kid")


def test_the_command_line_measures_reconstructions(
    model: zoo.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.save(tmp_path / "model")
    line = ["eval", str(tmp_path / "model"), "--data", "digits", "--limit", "80", "--metric", "fid", "--metric", "kid"]
    line += [
        "--set",
        "metric.features=digit-classifier",
        "--set",
        "metric.of=reconstructions",
        "--set",
        "metric.cache=false",
    ]
    assert main(line) == 0
    out = capsys.readouterr().out
    assert "reconstruction-fid" in out and "reconstruction-kid" in out and "real 40, samples 40" in out
