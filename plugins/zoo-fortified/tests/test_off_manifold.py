"""Scores of inputs that are not of the data."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import nn
from zoo_fortified import fortify, off_manifold
from zoo_fortified.scores import auroc

import zoo_core as zoo
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import FeatureExtractor, Labels

SHAPE = (1, 4, 4)
LABELS = Labels("classes", ("a", "b", "c"))
NET = {
    "net": {"name": "zoo-fortified:mlp-classifier", "hidden": [7, 5]},
    "fortified": ["hidden1", "hidden2"],
    "width": 4,
    "noise": 5.0,
}


def model() -> zoo.Model:
    return zoo.build("fortified-classifier", image_shape=SHAPE, labels=LABELS, classifier=NET)


def test_scores_are_the_denoisers_errors_without_noise() -> None:
    net, x = model(), torch.rand(6, *SHAPE)
    scores = off_manifold(net, x)
    assert list(scores) == ["hidden1", "hidden2"]
    classifier = cast(FeatureExtractor, net.parts["classifier"])
    again = off_manifold(classifier.eval(), x)
    assert all(torch.equal(scores[layer], again[layer]) for layer in scores)
    h = classifier.features(x)["hidden1"]
    denoiser = classifier.denoisers[0]
    denoiser.std = 0.0
    assert torch.allclose(scores["hidden1"], (denoiser(h) - h).square().mean(1), atol=1e-6)


def test_relative_scores_stay_when_the_activations_grow() -> None:
    net = fortify(nn.Sequential(nn.Linear(4, 6, bias=False), nn.Linear(6, 2)), ["0"], activation="leaky-relu")
    for bias in (net.denoisers[0].bias, net.denoisers[0].code_bias):
        nn.init.zeros_(bias)
    x = torch.rand(5, 4)
    assert torch.allclose(off_manifold(net, x, relative=True)["0"], off_manifold(net, 10 * x, relative=True)["0"])
    assert torch.allclose(100 * off_manifold(net, x)["0"], off_manifold(net, 10 * x)["0"])


def test_scores_have_a_slope_in_the_image_for_attacks_that_know_them() -> None:
    net, x = model(), torch.rand(3, *SHAPE, requires_grad=True)
    (slope,) = torch.autograd.grad(off_manifold(net, x)["hidden1"].sum(), x)
    assert slope.abs().sum() > 0


def test_what_is_not_fortified_is_refused() -> None:
    plain = zoo.build(
        "adversarial-classifier", image_shape=SHAPE, labels=LABELS, classifier={"name": "mlp-classifier", "hidden": [7]}
    )
    for net in (plain, cast(FeatureExtractor, plain.parts["classifier"])):
        with pytest.raises(IncompatibleError, match="nothing of this net is fortified"):
            off_manifold(net, torch.rand(2, *SHAPE))


def test_auroc_counts_pairs() -> None:
    torch.manual_seed(0)
    inside, outside = torch.randint(6, (40,)).float(), torch.randint(2, 9, (30,)).float()
    pairs = outside[None] - inside[:, None]
    wanted = ((pairs > 0).double() + 0.5 * (pairs == 0)).mean()
    assert auroc(inside, outside) == pytest.approx(float(wanted), abs=1e-12)
