"""Real images are looked at once: what is known of them is found again, unless anything that it rests on has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from zoo_basics.metrics.extractor import ChosenExtractor
from zoo_basics.metrics.feature_cache import cache_folder
from zoo_basics.metrics.real_images import RealImages

import zoo_core as zoo
from zoo_core.errors import DataError
from zoo_core.evaluation.metrics import evaluate
from zoo_core.interfaces import Batch, MetricResult
from zoo_core.model import Model


@pytest.fixture(scope="module")
def model() -> Model:
    return zoo.build("vae-mlp", data="digits", latent_dim=4, **{"encoder.hidden": [16], "decoder.hidden": [16]})


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """How many images each call of an extractor was given; the cache is an empty folder."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    seen: list[int] = []
    own = ChosenExtractor.__call__

    def counted(self: ChosenExtractor, x: Tensor) -> Tensor:
        seen.append(len(x))
        return own(self, x)

    monkeypatch.setattr(ChosenExtractor, "__call__", counted)
    return seen


def measured(model: Model, name: str, limit: int = 50, **settings: Any) -> list[MetricResult]:
    metric = {"name": name, "features": "digit-classifier", "samples": 30, **settings}
    return evaluate(model, "digits", [metric], limit=limit, device="cpu")


def values(figures: list[MetricResult]) -> list[float]:
    return [figure.value for figure in figures]


@pytest.mark.parametrize(("name", "real"), [("fid", 50), ("kid", 30), ("precision-recall", 30), ("modes", 50)])
def test_the_second_evaluation_looks_at_no_real_image(model: Model, looked_at: list[int], name: str, real: int) -> None:
    first = measured(model, name)
    assert sum(looked_at) == real + 30
    looked_at.clear()
    assert values(measured(model, name)) == values(first)
    assert sum(looked_at) == 30


def test_other_images_another_layer_and_other_weights_are_looked_at(model: Model, looked_at: list[int]) -> None:
    measured(model, "fid")
    for change in ({"limit": 49}, {"layer": "conv2"}, {"features": {"name": "digit-classifier", "weights": None}}):
        looked_at.clear()
        measured(model, "fid", **change)  # type: ignore[arg-type]
        assert sum(looked_at) == change.get("limit", 50) + 30  # type: ignore[operator]


def test_without_the_cache_nothing_is_written(model: Model, looked_at: list[int]) -> None:
    measured(model, "fid", cache=False)
    assert not cache_folder().exists()


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def one_bit(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("damage", [cut_off, one_bit, lambda content: b"", lambda content: b"{}" * 50])
def test_a_damaged_file_is_computed_again(model: Model, looked_at: list[int], damage: Callable[[bytes], bytes]) -> None:
    first = measured(model, "fid")
    (file,) = (cache_folder() / "features").iterdir()
    file.write_bytes(damage(file.read_bytes()))
    looked_at.clear()
    assert values(measured(model, "fid")) == values(first)
    assert sum(looked_at) == 80
    looked_at.clear()
    measured(model, "fid")
    assert sum(looked_at) == 30


def test_a_folder_that_cannot_be_written_costs_a_warning(
    model: Model,
    looked_at: list[int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert len(measured(model, "fid")) == 1
    assert "ZOO_CACHE" in caplog.text


def test_the_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ZOO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "zoo"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "zoo"
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def grey_levels(n: int) -> Tensor:
    return torch.randint(0, 256, (n, 2, 3, 4)) / 255


def test_images_come_back_as_they_were_and_in_any_order() -> None:
    levels, any_numbers = grey_levels(30), torch.rand(30, 2, 3, 4)
    for x in (levels, any_numbers, torch.cat([levels, any_numbers])):
        with RealImages(Batch(part) for part in x.split(13)) as images:
            assert torch.allclose(torch.cat(list(images.batches(7))), x, atol=1e-7)
            rows = images.mixed(9)
            assert len(set(rows.tolist())) == 9
            assert torch.allclose(torch.cat(list(images.batches(4, rows))), x[rows], atol=1e-7)


def test_the_digest_is_of_the_images_and_not_of_how_they_are_cut() -> None:
    x = grey_levels(20)

    def digest(*parts: Tensor) -> str:
        with RealImages(map(Batch, parts)) as images:
            return images.sha256

    assert digest(x) == digest(*x.split(3)) != digest(x[:19])
    other = x.clone()
    other[4, 0, 0, 0] = 1 - other[4, 0, 0, 0]
    assert digest(other) != digest(x)


def test_fewer_than_two_images_are_refused() -> None:
    with pytest.raises(DataError, match="at least two"):
        RealImages([Batch(grey_levels(1))])


@pytest.mark.parametrize("name", ["fid", "kid", "precision-recall", "modes"])
def test_never_more_than_a_batch_is_looked_at_at_once(model: Model, looked_at: list[int], name: str) -> None:
    evaluate(
        model,
        "digits",
        [{"name": name, "features": "digit-classifier", "samples": 600}],
        split="train",
        batch_size=1000,
        device="cpu",
    )
    assert max(looked_at) == 250 and sum(looked_at) >= 1200
