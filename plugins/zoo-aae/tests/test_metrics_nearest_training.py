"""Nearest training images against scikit-learn's neighbours and hand-made copies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor
from zoo_aae.metrics.nearest_training import NearestTraining
from zoo_aae.metrics.prior_draws import prior_pictures

import zoo_core as zoo
from zoo_core.data.neighbours import nearest, squared_distances
from zoo_core.distributions import likelihood_family
from zoo_core.errors import DataError, IncompatibleError
from zoo_core.interfaces import Batch, Decoder, Labels, MetricResult
from zoo_core.model import Model
from zoo_core.testing.pictures import CLASSES, batch
from zoo_core.testing.surroundings import LATENT_DIM, PlainDecoder, PlainPrior, plain_model

SHAPE = (1, 8, 8)


def pieces(x: Tensor, *sizes: int) -> list[Batch]:
    return [Batch(piece) for piece in x.split(list(sizes))]


# ------------------------------------------------------------------------------------------------ nearest


def test_nearest_is_scikit_learns_nearest_neighbour_however_images_are_batched() -> None:
    images, queries = batch(300, SHAPE, CLASSES).x, batch(40, SHAPE, CLASSES, start=500).x
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(images.flatten(1).double().numpy())
    distances, index = search.kneighbors(queries.flatten(1).double().numpy())
    for sizes in ([300], [1, 250, 0, 49]):
        found = nearest(queries, pieces(images, *sizes))
        np.testing.assert_allclose(found.distances.numpy(), distances[:, 0], rtol=1e-5)
        assert torch.equal(found.images, images[index[:, 0]])


def test_many_queries_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    images, queries = batch(50, SHAPE, CLASSES).x, batch(40, SHAPE, CLASSES, start=500).x
    whole = nearest(queries, pieces(images, 50))
    monkeypatch.setattr("zoo_core.data.neighbours.QUERIES_AT_ONCE", 7)
    parts = nearest(queries, pieces(images, 50))
    assert torch.equal(parts.images, whole.images)
    assert torch.equal(parts.distances, whole.distances)


def test_an_image_is_at_distance_zero_of_itself_and_the_first_of_two_alike_is_taken() -> None:
    images = torch.rand(20, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    found = nearest(images[5:9], pieces(images, 6, 14))
    assert found.distances.tolist() == [0.0] * 4
    assert torch.equal(found.images, images[5:9])


def test_nothing_to_look_among_is_refused() -> None:
    with pytest.raises(DataError, match="no images"):
        nearest(torch.rand(2, *SHAPE), [])


def test_squared_distances_lose_few_digits_far_from_the_origin() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (1000 + torch.rand(n, 50, generator=generator) for n in (30, 20))
    exact = torch.cdist(a.double(), b.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
    torch.testing.assert_close(squared_distances(a, b).double(), exact, rtol=0, atol=1e-4)


def test_reduced_matmul_precision_is_not_used_and_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    addmm = torch.addmm

    def watched(*args: Tensor, **kwargs: float) -> Tensor:
        seen.append(torch.get_float32_matmul_precision())
        return addmm(*args, **kwargs)

    monkeypatch.setattr(torch, "addmm", watched)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        squared_distances(torch.rand(3, 2), torch.rand(4, 2))
        assert (seen, torch.get_float32_matmul_precision()) == (["highest"], "medium")
    finally:
        torch.set_float32_matmul_precision(before)


# ------------------------------------------------------------------------------------------------ the metric


class Copies(Decoder):
    """Gives one of its images, whichever the code says, dimmed by ``dim``."""

    def __init__(self, images: Tensor, dim: float) -> None:
        super().__init__()
        self.image_shape, self.latent_dim = SHAPE, LATENT_DIM
        self.family = likelihood_family("bernoulli", SHAPE)
        self.images, self.dim = images, dim

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        index = (z[:, 0].abs() * 1000).long() % len(self.images)
        return torch.logit((self.images[index] * (1 - self.dim)).double()).float()


def measured(model: Model, train: Tensor, held_out: Tensor, **params: int) -> dict[str, MetricResult]:
    metric, generator = NearestTraining(**params), torch.Generator().manual_seed(2)
    metric.prepare(model, {"train": pieces(train, 10, len(train) - 10)}.__getitem__, generator)
    return {figure.name: figure for figure in metric(model, pieces(held_out, 4, len(held_out) - 4), generator)}


def test_a_model_that_copies_is_at_distance_zero_while_held_out_images_are_not() -> None:
    train, held_out = batch(60, SHAPE, CLASSES).x, batch(20, SHAPE, CLASSES, start=500).x
    model = plain_model({"decoder": Copies(train, 0.0), "prior": PlainPrior()}, SHAPE, Labels())
    got = measured(model, train, held_out)
    assert got["nearest-training"].value == pytest.approx(0, abs=1e-4)
    assert got["nearest-training-held-out"].value > 0.5
    assert got["nearest-training"].protocol["images"] == 1000
    assert got["nearest-training-held-out"].protocol["images"] == 20


def test_the_figures_are_means_of_nearest_distances() -> None:
    torch.manual_seed(0)
    model = plain_model({"decoder": PlainDecoder(SHAPE), "prior": PlainPrior()}, SHAPE, Labels())
    train, held_out = batch(60, SHAPE, CLASSES).x, batch(20, SHAPE, CLASSES, start=500).x
    got = measured(model, train, held_out, samples=25)
    made = torch.cat(list(prior_pictures(model, 25, torch.Generator().manual_seed(2), at_once=500)))
    for name, queries in (("nearest-training", made), ("nearest-training-held-out", held_out)):
        distances = torch.cdist(queries.flatten(1).double(), train.flatten(1).double()).amin(1)
        assert got[name].value == pytest.approx(distances.mean().item(), rel=1e-5)
        assert got[name].std == pytest.approx(distances.std().item() / len(queries) ** 0.5, rel=1e-4)


def test_unprepared_it_says_so() -> None:
    model = plain_model({"decoder": PlainDecoder(SHAPE), "prior": PlainPrior()}, SHAPE, Labels())
    with pytest.raises(IncompatibleError, match="before it was prepared"):
        NearestTraining()(model, [Batch(torch.rand(3, *SHAPE))], torch.Generator())


def test_by_name_all_training_images_are_looked_through_even_where_few_are_measured() -> None:
    model = zoo.build("vae-mlp", data="digits", latent_dim=2)
    asked = [{"name": "nearest-training", "samples": 30}]
    few = {f.name: f for f in zoo.evaluate(model, "digits", asked, split="train", limit=10)}
    assert few["nearest-training-held-out"].value == 0.0  # measured on train, every image finds itself
    assert few["nearest-training-held-out"].protocol["images"] == 10
    held_out = {f.name: f for f in zoo.evaluate(model, "digits", asked, split="test")}
    assert held_out["nearest-training-held-out"].value > 0.5
    assert held_out["nearest-training"].value == few["nearest-training"].value
