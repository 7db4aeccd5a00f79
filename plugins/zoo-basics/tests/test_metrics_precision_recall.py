"""Precision and recall against scikit-learn's neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor
from zoo_basics.metrics import precision_recall
from zoo_basics.metrics.precision_recall import share_inside

import zoo_core as zoo
from zoo_core.errors import SettingError
from zoo_core.evaluation.metrics import evaluate


def by_neighbours(points: Tensor, manifold: Tensor, k: int) -> float:
    p, m = points.double().numpy(), manifold.double().numpy()
    radii = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(m).kneighbors()[0][:, -1]  # of all others
    distances = np.linalg.norm(p[:, None] - m[None], axis=-1)
    return float((distances <= radii).any(1).mean())


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_shares_are_those_of_brute_force_neighbours(k: int, shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision_recall, "ROWS", 17)
    real, samples = torch.randn(61, 5), torch.randn(50, 5) * 0.8 + shift
    for points, manifold in ((samples, real), (real, samples)):
        share = share_inside(points, manifold, k)
        assert share == pytest.approx(by_neighbours(points, manifold, k), abs=1e-12)
        assert 0 < share < 1


def test_a_set_is_inside_itself_and_outside_one_far_away() -> None:
    a = torch.randn(40, 3)
    assert share_inside(a, a, 3) == 1
    assert share_inside(a + 100, a, 3) == 0


def test_a_model_of_one_picture_is_precise_and_recalls_nothing() -> None:
    real = torch.randn(50, 4)
    samples = real[:1].repeat(50, 1)
    assert share_inside(samples, real, 3) == 1
    assert share_inside(real, samples, 3) == pytest.approx(1 / 50)


def test_the_metric_compares_as_many_samples_as_images() -> None:
    model = zoo.build("vae-mlp", data="digits", latent_dim=4, **{"encoder.hidden": [16], "decoder.hidden": [16]})
    metric = {"name": "precision-recall", "features": "digit-classifier", "samples": 200, "cache": False}
    figures = evaluate(model, "digits", [metric], limit=60, device="cpu")
    assert [figure.name for figure in figures] == ["precision", "recall"]
    assert all({"real": 60, "samples": 60, "k": 3}.items() <= figure.protocol.items() for figure in figures)
    with pytest.raises(SettingError, match="more than 3 images"):
        evaluate(model, "digits", [metric], limit=3, device="cpu")
