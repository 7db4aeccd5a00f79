"""Corruptions do what they say, and FID over digits rises with the strength of each."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from zoo_basics.metrics import corruptions
from zoo_basics.metrics.extractor import extractor_for
from zoo_basics.metrics.fid import feature_moments, frechet_distance

import zoo_core as zoo

X = torch.rand(20, 3, 16, 24, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
FOREIGN = torch.full((3, 3, 16, 24), 0.05)

ALL: dict[str, tuple[Any, tuple[float, ...]]] = {
    "noise": (corruptions.gaussian_noise, (0.02, 0.1, 0.3)),
    "regions": (corruptions.removed_regions, (0.1, 0.3, 0.6)),
    "swirl": (corruptions.swirl, (0.5, 2.0, 4.0)),
    "salt and pepper": (corruptions.salt_and_pepper, (0.01, 0.05, 0.2)),
    "foreign": (corruptions.foreign_images, (0.1, 0.4, 1.0)),
}


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def spoilt(name: str, x: Tensor, strength: float) -> Tensor:
    corrupt = ALL[name][0]
    if name == "foreign":
        corrupt = partial(corrupt, foreign=FOREIGN[:, : x.shape[1]].new_full((3, *x.shape[1:]), 0.05))
    result: Tensor = corrupt(x, strength, seeded())
    return result


@pytest.mark.parametrize("name", ALL)
def test_strength_0_changes_nothing_and_pictures_stay_pictures(name: str) -> None:
    before = X.clone()
    assert torch.allclose(spoilt(name, X, 0.0), X, atol=1e-5)
    for strength in ALL[name][1]:
        after = spoilt(name, X, strength)
        assert after.shape == X.shape and after.min() >= 0 and after.max() <= 1
        assert not torch.allclose(after, X, atol=1e-3)
        assert torch.equal(after, spoilt(name, X, strength))
    assert torch.equal(X, before)


@pytest.mark.parametrize("name", ALL)
def test_fid_over_digits_rises_with_the_strength_of_each(name: str) -> None:
    data = zoo.open_dataset("digits").split("train").x
    assert isinstance(data, Tensor)
    x = data[:600].float() / 255
    extractor = extractor_for("digit-classifier", None, "features", image_shape=(1, 32, 32))
    real = feature_moments(extractor(part) for part in x.split(300))
    strengths = (0.0, *ALL[name][1])
    distances = [
        frechet_distance(real, (extractor(part) for part in spoilt(name, x, strength).split(300)))
        for strength in strengths
    ]
    assert distances[0] < 1e-4
    assert distances == sorted(distances) and len(set(distances)) == len(strengths)


def test_noise_has_the_standard_deviation_that_is_asked_for() -> None:
    grey = torch.full((50, 1, 32, 32), 0.5)
    assert corruptions.gaussian_noise(grey, 0.1, seeded()).std().item() == pytest.approx(0.1, rel=0.02)


def test_removed_regions_are_black_and_grow_around_those_of_a_smaller_strength() -> None:
    black = [(corruptions.removed_regions(X, s, seeded()) == 0).all(1) for s in (0.1, 0.3, 0.6, 1.0)]
    for smaller, larger in pairwise(black):
        assert (larger | ~smaller).all() and larger.sum() > smaller.sum()
    assert black[-1].all()
    one = black[0].flatten(1).sum(1)  # five of 2 × 2
    assert one.max() <= 5 * 4 and one.min() >= 4


def test_a_swirl_turns_the_centre_by_its_strength_and_leaves_the_edge() -> None:
    # A dot right of the centre, where the turn is strength · exp(−ρ / r): sampling looks it up clockwise on the screen.
    side, strength, rho = 65, math.pi / 2, 10
    radius = math.log(2) * side / 5
    rows, columns = torch.meshgrid(torch.arange(side) - 32.0, torch.arange(side) - 32.0, indexing="ij")
    blob = torch.exp(-((rows**2 + (columns - rho) ** 2) / 8))[None, None]
    turned = corruptions.swirl(blob, strength, seeded())[0, 0]
    ring = ((torch.hypot(rows, columns) - rho).abs() < 1).float() * turned
    angle = math.atan2(float((ring * rows).sum()), float((ring * columns).sum()))
    assert angle == pytest.approx(-strength * math.exp(-rho / radius), abs=0.1)
    ramp = (columns / 64 + 0.5)[None, None]
    moved = (corruptions.swirl(ramp, strength, seeded()) - ramp).abs()[0, 0]
    assert moved[3, 3] < 0.02 < moved[32 - rho, 32]


def test_salt_and_pepper_strikes_whole_pixels_in_equal_parts() -> None:
    after = corruptions.salt_and_pepper(X, 0.25, seeded())
    changed = (after != X).all(1)
    assert changed.float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert ((after == X).all(1) | changed).all()
    struck = after.movedim(1, -1)[changed]
    assert (struck == struck[:, :1]).all() and set(struck.unique().tolist()) == {0.0, 1.0}
    assert struck.mean().item() == pytest.approx(0.5, abs=0.05)


def test_foreign_images_replace_the_share_that_is_asked_for_and_keep_those_of_a_smaller_share() -> None:
    replaced = [
        (corruptions.foreign_images(X, s, seeded(), FOREIGN) == 0.05).flatten(1).all(1) for s in (0.1, 0.5, 1.0)
    ]
    assert [int(which.sum()) for which in replaced] == [2, 10, 20]
    assert (replaced[1] | ~replaced[0]).all()
