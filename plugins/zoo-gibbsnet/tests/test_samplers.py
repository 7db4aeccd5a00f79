"""The chain's samplers: exact where the law is known, seeded, and for every encoder and decoder."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from zoo_gibbsnet.chain import Chain, Trace, noise_of
from zoo_gibbsnet.masks import known_pixels
from zoo_gibbsnet.samplers.gibbs_chain import GibbsChain
from zoo_gibbsnet.samplers.inpaint import Inpaint

import zoo_core as zoo
from zoo_core.errors import IncompatibleError, SettingError

CHAINS, STEPS = 40_000, 40
SMALL: dict[str, Any] = {
    "encoder": {"name": "mlp", "hidden": [8]},
    "decoder": {"name": "mlp", "hidden": [8]},
    "latent_dim": 3,
}


def stationary(M: Tensor, c: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of v ← M v + c + N(0, noise)."""
    size = len(c)
    identity = torch.eye(size, dtype=torch.float64)
    mean = torch.linalg.solve(identity - M, c)
    lifted = torch.eye(size * size, dtype=torch.float64) - torch.kron(M, M)
    return mean, torch.linalg.solve(lifted, noise.flatten()).view(size, size)


def agrees(draws: Tensor, mean: Tensor, covariance: Tensor) -> bool:
    """The mean within 2 % of a standard deviation, the covariance within 3 % in the relative Frobenius norm."""
    off = (draws.mean(0) - mean).abs() / covariance.diagonal().sqrt()
    return bool(off.max() < 0.02 and (draws.T.cov() - covariance).norm() < 0.03 * covariance.norm())


@pytest.mark.parametrize(("chains", "steps"), [(CHAINS, STEPS), pytest.param(100_000, 200, marks=pytest.mark.slow)])
def test_codes_reach_the_chains_stationary_law_from_far_away(linear: Any, chains: int, steps: int) -> None:
    model, A, a, s, B, b, r = linear
    M = A @ B
    assert torch.linalg.eigvals(M).abs().max() < 0.75
    mean, covariance = stationary(M, A @ b + a, A @ (r * r).diag() @ A.T + (s * s).diag())
    z = model.samples(chains, GibbsChain(steps=steps, decoding="sample", keep=0), seed=0).z
    assert agrees(z, mean, covariance)
    early = model.samples(1000, GibbsChain(steps=1, keep=0), seed=0).z
    assert (early.mean(0) - 100).abs().max() < 1, "they did start far away"
    without = model.samples(chains, GibbsChain(steps=steps, decoding="mean", keep=0), seed=0).z
    assert not agrees(without, mean, covariance), "the pixels' own noise is a part of the law"


def test_the_last_pair_has_the_law_of_the_model(linear: Any) -> None:
    model, A, a, s, B, b, r = linear
    mean, covariance = stationary(A @ B, A @ b + a, A @ (r * r).diag() @ A.T + (s * s).diag())
    with model.evaluating():
        chain = Chain(model, noise_of(model, torch.Generator().manual_seed(0)), decoding="sample")
        pair = chain.after(torch.full((CHAINS, 3), 100.0, dtype=torch.float64), STEPS)
    joint_mean = torch.cat([B @ mean + b, mean])
    cross = B @ covariance
    joint = torch.cat(
        [torch.cat([B @ covariance @ B.T + (r * r).diag(), cross], 1), torch.cat([cross.T, covariance], 1)]
    )
    assert agrees(torch.cat([pair.x.flatten(1), pair.z], 1), joint_mean, joint)


def test_hidden_pixels_reach_their_law_given_the_known_ones(linear: Any) -> None:
    model, A, a, s, B, b, r = linear
    known = known_pixels("left", model.image_shape).expand(1, 2, 2).flatten()
    x = torch.tensor([0.3, 9.0, -0.7, 9.0], dtype=torch.float64)
    hidden = ~known
    M = A[:, hidden] @ B[hidden]
    c = A[:, hidden] @ b[hidden] + A[:, known] @ x[known] + a
    noise = A[:, hidden] @ (r * r)[hidden].diag() @ A[:, hidden].T + (s * s).diag()
    mean, covariance = stationary(M, c, noise)
    sampler = Inpaint(known="left", steps=STEPS, decoding="sample", keep=0)
    samples = model.samples(CHAINS, sampler, seed=0, x=x.view(1, 1, 2, 2).expand(CHAINS, -1, -1, -1))
    assert agrees(samples.z, mean, covariance)
    assert torch.equal(samples.x.flatten(1)[:, known], x[known].clamp(0, 1).expand(CHAINS, -1))


@pytest.mark.parametrize("recipe", ["vae", "autoencoder", "aae", "gibbsnet"])
def test_every_model_with_an_encoder_and_a_decoder_has_chains(recipe: str) -> None:
    model = zoo.build(recipe, data="digits", **SMALL)
    images = torch.rand(4, *model.image_shape)
    for sampler, given in (("gibbs-chain", {"x": images}), ("inpaint", {"x": images})):
        first = model.samples(4, {"name": sampler, "steps": 3}, seed=1, **given)
        again = model.samples(4, {"name": sampler, "steps": 3}, seed=1, **given)
        assert torch.equal(first.x, again.x) and first.x.shape == images.shape
        assert first.trace is not None and first.trace.shape == (3, *images.shape)
        assert torch.equal(first.trace[-1], first.x)
    kept = known_pixels("right", model.image_shape).expand_as(images)
    assert torch.equal(first.x[kept], images[kept]) and not torch.equal(first.x, images)


def test_one_step_is_a_draw_of_the_prior() -> None:
    model = zoo.build("gibbsnet", data="digits", **SMALL)
    assert torch.equal(model.sample(5, {"name": "gibbs-chain", "steps": 1}, seed=2), model.sample(5, "prior", seed=2))


def test_labels_are_held_all_along_and_come_in_turn_where_none_are_given() -> None:
    told = {**SMALL, "encoder": {"name": "mlp", "hidden": [8], "conditional": True}}
    model = zoo.build("vae", data="digits", **told)
    chain: dict[str, Any] = {"name": "gibbs-chain", "steps": 4}
    in_turn = model.samples(20, chain, seed=0)
    assert in_turn.columns == 10 and torch.equal(in_turn.x, model.sample(20, chain, seed=0, y=torch.arange(20) % 10))
    assert not torch.equal(in_turn.x, model.sample(20, chain, seed=0, y=3))


def test_hidden_pixels_are_not_looked_at() -> None:
    model = zoo.build("vae", data="digits", **SMALL)
    x = torch.rand(3, *model.image_shape)
    other = torch.where(known_pixels("top", model.image_shape), x, torch.rand_like(x))
    sampler = {"name": "inpaint", "known": "top", "steps": 3}
    assert torch.equal(model.sample(3, sampler, seed=0, x=x), model.sample(3, sampler, seed=0, x=other))


def test_a_trace_is_bounded_whatever_the_number_of_steps() -> None:
    for steps, keep, kept in ((5, 100, 5), (1000, 7, 7), (3, 1, 1), (10, 0, 0), (1, 1, 1)):
        trace = Trace(steps, keep)
        for step in range(steps):
            trace.see(step, torch.full((1,), step / 1000))
        assert len(trace.pictures) == kept
        assert not kept or trace.pictures[-1] == torch.tensor((steps - 1) / 1000)
        assert kept < 2 or trace.pictures[0] == 0


def test_pairs_are_made_as_they_are_asked_for() -> None:
    model = zoo.build("vae", data="digits", **SMALL)
    count = 0

    def seen(*_: Any) -> None:
        nonlocal count
        count += 1

    model.parts["decoder"].register_forward_hook(seen)
    with model.evaluating():
        pairs = Chain(model, noise_of(model, torch.Generator())).pairs(torch.zeros(2, 3))
        assert len(list(islice(pairs, 4))) == 4 and count == 4


def test_fewer_images_are_completed_several_times() -> None:
    model = zoo.build("vae", data="digits", **SMALL)
    x = torch.rand(2, *model.image_shape)
    made = model.sample(5, {"name": "inpaint", "known": "top", "steps": 2}, seed=0, x=x)
    kept = known_pixels("top", model.image_shape).expand(model.image_shape)
    assert torch.equal(made[:, kept], x[[0, 1, 0, 1, 0]][:, kept]) and not torch.equal(made[0], made[2])


def test_pictures_of_a_training_are_chains_from_the_prior_and_not_from_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = zoo.build("gibbsnet", data="digits", **{**SMALL, "discriminator.hidden": [8]})
    given: list[bool] = []
    drawn = GibbsChain.__call__

    def seen(self: GibbsChain, *args: Any, **conditions: Any) -> Any:
        given.append("x" in conditions)
        return drawn(self, *args, **conditions)

    monkeypatch.setattr(GibbsChain, "__call__", seen)
    zoo.train(model, "digits", epochs=1, out=tmp_path / "run", pictures_every=1, progress=False)
    assert given and not any(given)


def test_what_a_chain_cannot_start_from_is_said() -> None:
    model = zoo.build("autoencoder", data="digits", **SMALL)
    with pytest.raises(IncompatibleError, match="no prior"):
        model.sample(2, "gibbs-chain", seed=0)
    with pytest.raises(SettingError, match="starts from images"):
        model.sample(4, "inpaint", seed=0)
    with pytest.raises(SettingError, match="known"):
        model.sample(4, {"name": "inpaint", "known": "middle"}, seed=0)


@pytest.mark.parametrize(
    ("known", "share"), [("left", 0.5), ("right", 0.5), ("top", 0.5), ("bottom", 0.5), ("box", 0.25), ("frame", 0.75)]
)
def test_masks_are_what_they_are_called(known: Any, share: float) -> None:
    mask = known_pixels(known, (3, 8, 8))
    assert mask.shape == (1, 8, 8) and mask.float().mean() == share
    corner, middle = bool(mask[0, 0, 0]), bool(mask[0, 4, 4])
    expected = {
        "left": (True, False),
        "right": (False, True),
        "top": (True, False),
        "bottom": (False, True),
        "box": (False, True),
        "frame": (True, False),
    }
    assert (corner, middle) == expected[known]
    assert 0 < known_pixels(known, (1, 3, 5)).float().mean() < 1
