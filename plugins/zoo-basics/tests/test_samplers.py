"""Samplers: what codes they walk through, and that they repeat with the generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from zoo_basics.decoders.mlp import MLPDecoder
from zoo_basics.encoders.mlp import MLPEncoder
from zoo_basics.priors.gaussian import GaussianPrior
from zoo_basics.samplers.interpolation import Interpolation, spherical
from zoo_basics.samplers.prior import PriorSampler

from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.interfaces import Labels

SHAPE = (1, 4, 4)
CLASSES = Labels("classes", ("a", "b", "c"))


@pytest.fixture
def model(model_of: Callable[..., Any]) -> Any:
    return model_of(
        SHAPE,
        encoder=MLPEncoder(image_shape=SHAPE, latent_dim=6, hidden=(8,)),
        decoder=MLPDecoder(image_shape=SHAPE, labels=Labels(), latent_dim=6, hidden=(8,)),
        prior=GaussianPrior(latent_dim=6),
    )


@pytest.fixture
def conditional(model_of: Callable[..., Any]) -> Any:
    return model_of(
        SHAPE,
        CLASSES,
        prior=GaussianPrior(latent_dim=6),
        decoder=MLPDecoder(image_shape=SHAPE, labels=CLASSES, latent_dim=6, hidden=(8,), conditional=True),
    )


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_prior_pictures_are_decoded_prior_codes_and_repeat_with_the_generator(model: Any) -> None:
    samples = PriorSampler()(model, 5, seeded(2))
    assert torch.equal(samples.x, model.decode(samples.z))
    assert torch.equal(samples.z, torch.randn(5, 6, generator=seeded(2)))
    assert torch.equal(PriorSampler()(model, 5, seeded(2)).x, samples.x)


def test_a_model_with_labels_is_given_those_asked_for_else_each_class_in_turn(conditional: Any) -> None:
    y = torch.tensor([2, 2, 0, 1])
    samples = PriorSampler()(conditional, 4, seeded(0), y=y)
    assert torch.equal(samples.x, conditional.decode(samples.z, y))
    in_turn = PriorSampler()(conditional, 4, seeded(0))
    assert torch.equal(in_turn.x, conditional.decode(in_turn.z, torch.tensor([0, 1, 2, 0])))
    assert in_turn.columns == 3


@pytest.mark.parametrize("mode", ["linear", "spherical"])
def test_rows_start_and_end_at_the_decoded_codes_of_pairs_of_images(model: Any, mode: Any) -> None:
    x = torch.rand(4, *SHAPE)
    samples = Interpolation(mode=mode, steps=5)(model, 10, seeded(0), x=x)
    ends = model.decode(model.encode(x))
    assert samples.columns == 5 and samples.x.shape == (10, *SHAPE)
    assert torch.allclose(samples.x[[0, 4, 5, 9]], ends, atol=1e-6)


def test_linear_walk_has_equal_steps(model: Any) -> None:
    z = Interpolation(steps=6)(model, 6, seeded(0)).z
    steps = z.diff(dim=0)
    assert torch.allclose(steps, steps[:1].expand_as(steps), atol=1e-6)


def test_spherical_walk_keeps_the_norm_and_turns_by_equal_angles() -> None:
    start, end = torch.nn.functional.normalize(torch.randn(2, 3, 20), dim=-1) * 4
    walk = spherical(start, end, torch.linspace(0, 1, 7))
    assert torch.allclose(walk.norm(dim=-1), torch.full((3, 7), 4.0), atol=1e-4)
    angles = torch.acos((walk[:, :-1] * walk[:, 1:]).sum(-1) / 16)
    assert torch.allclose(angles, angles[:, :1].expand_as(angles), atol=1e-3)


def test_codes_in_line_are_joined_straight() -> None:
    z = torch.randn(1, 5)
    t = torch.linspace(0, 1, 3)
    for end in (z, 3 * z, -z, torch.zeros_like(z)):
        assert torch.allclose(spherical(z, end, t)[0, 1], (z + end)[0] / 2, atol=1e-5)


def test_the_last_row_is_cut_at_the_asked_number(model: Any) -> None:
    whole, cut = (Interpolation(steps=4)(model, n, seeded(0)).x for n in (8, 6))
    assert cut.shape[0] == 6
    assert torch.allclose(cut, whole[:6])


def test_each_row_of_a_model_with_labels_has_a_class(conditional: Any) -> None:
    samples = Interpolation(steps=2)(conditional, 8, seeded(0))
    y = torch.tensor([0, 0, 1, 1, 2, 2, 0, 0])
    assert torch.equal(samples.x, conditional.decode(samples.z, y))


def test_too_few_images_are_refused_with_the_number_needed(model: Any) -> None:
    with pytest.raises(SettingError, match="between 4 images, got 3"):
        Interpolation(steps=4)(model, 8, seeded(0), x=torch.rand(3, *SHAPE))


def test_a_model_without_a_prior_walks_between_images_only(model: Any) -> None:
    del model.parts["prior"]
    assert Interpolation(steps=4)(model, 4, seeded(0), x=torch.rand(2, *SHAPE)).x.shape == (4, *SHAPE)
    with pytest.raises(IncompatibleError, match="no prior"):
        Interpolation(steps=4)(model, 4, seeded(0))
