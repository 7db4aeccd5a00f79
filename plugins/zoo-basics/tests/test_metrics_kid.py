"""KID against a direct double loop."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from zoo_basics.metrics.extractor import choose_extractor
from zoo_basics.metrics.kid import squared_discrepancy
from zoo_basics.metrics.real_images import RealImages

import zoo_core as zoo
from zoo_core.evaluation.metrics import evaluate
from zoo_core.interfaces import Batch


def by_loops(a: Tensor, b: Tensor) -> float:
    """Mean kernel between different vectors of each set, less twice the mean kernel between the sets."""

    def kernel(u: Tensor, v: Tensor) -> float:
        return (float(u.double() @ v.double()) / len(u) + 1) ** 3

    n, m = len(a), len(b)
    within = [sum(kernel(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j) for s in (a, b)]
    between = sum(kernel(u, v) for u in a for v in b)
    return within[0] / (n * (n - 1)) + within[1] / (m * (m - 1)) - 2 * between / (n * m)


def test_the_discrepancy_is_that_of_a_double_loop() -> None:
    a, b = torch.randn(17, 6), torch.randn(17, 6) + 0.3
    assert squared_discrepancy(a, b) == pytest.approx(by_loops(a, b), rel=1e-9)


def test_the_estimate_is_unbiased_where_both_sets_are_of_one_distribution() -> None:
    values = torch.tensor([squared_discrepancy(torch.randn(20, 4), torch.randn(20, 4)) for _ in range(300)])
    assert abs(values.mean()) < 4 * values.std() / 300**0.5
    assert (values < 0).any()


def test_kid_is_the_mean_over_blocks_with_their_standard_deviation() -> None:
    model = zoo.build("vae-mlp", data="digits", latent_dim=4, **{"encoder.hidden": [16], "decoder.hidden": [16]})
    metric = {"name": "kid", "features": "digit-classifier", "samples": 50, "block": 20, "cache": False}
    (figure,) = evaluate(model, "digits", [metric], limit=47, device="cpu")
    assert {"real": 40, "samples": 40, "block": 20, "blocks": 2}.items() <= figure.protocol.items()
    extractor = choose_extractor("digit-classifier", None, model, "features")
    x = zoo.open_dataset("digits").split("test").x[:47].float() / 255
    with RealImages([Batch(x)]) as images:
        rows = images.mixed(40)
    generator = torch.Generator().manual_seed(0)
    samples = [model.sampler()(model, 20, generator).x for _ in range(2)]
    each = torch.tensor(
        [by_loops(extractor(x[rows[20 * i : 20 * i + 20]]), extractor(samples[i])) for i in range(2)],
        dtype=torch.float64,
    )
    assert figure.value == pytest.approx(each.mean().item(), rel=1e-3)
    assert figure.std == pytest.approx(each.std().item(), rel=1e-3)


def test_fewer_images_than_a_block_are_one_block_without_a_deviation() -> None:
    model = zoo.build("vae-mlp", data="digits", latent_dim=4, **{"encoder.hidden": [16], "decoder.hidden": [16]})
    metric = {"name": "kid", "features": "digit-classifier", "samples": 50, "cache": False}
    (figure,) = evaluate(model, "digits", [metric], limit=30, device="cpu")
    assert figure.std is None and {"block": 30, "blocks": 1}.items() <= figure.protocol.items()
