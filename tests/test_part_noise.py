"""A model whose decoder draws in its own forward: seeded samples, figures and plots, and training through the trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import zoo_core as zoo


@pytest.fixture
def noisy(toys: None) -> zoo.Model:
    return zoo.build(
        "vae-mlp",
        image_shape=(1, 8, 8),
        latent_dim=4,
        **{"encoder.hidden": [6]},
        decoder={"name": "toy-noisy", "net": {"name": "mlp", "hidden": [5]}},
    )


IMAGES = torch.randint(256, (60, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_same_seed_same_samples_and_the_noise_is_on(noisy: zoo.Model) -> None:
    state = torch.get_rng_state()
    assert torch.equal(noisy.sample(6, seed=1), noisy.sample(6, seed=1))
    assert not torch.equal(noisy.sample(6, seed=1), noisy.sample(6, seed=2))
    code = torch.zeros(2, 4)
    first, second = noisy.decode(code)
    assert not torch.equal(first, second), "one code, two draws"
    assert torch.equal(torch.get_rng_state(), state)


def test_decoding_and_reconstructing_see_the_same_draws_every_time(noisy: zoo.Model) -> None:
    x = IMAGES[:3] / 255
    assert torch.equal(noisy.decode(torch.zeros(2, 4)), noisy.decode(torch.zeros(2, 4)))
    assert torch.equal(noisy.reconstruct(x), noisy.reconstruct(x))


def test_figures_and_plots_follow_their_seed(noisy: zoo.Model, tmp_path: Path) -> None:
    def figure(seed: int) -> Any:
        return [one.value for one in zoo.evaluate(noisy, IMAGES, ["reconstruction", "elbo"], split="train", seed=seed)]

    assert figure(0) == figure(0) != figure(1)
    files = [tmp_path / f"{name}.png" for name in "ab"]
    for file in files:
        zoo.plot(noisy, IMAGES, "samples", out=file, split="train")
    assert files[0].read_bytes() == files[1].read_bytes()


def test_batches_of_an_evaluation_see_other_draws(noisy: zoo.Model) -> None:
    with noisy.evaluating(torch.Generator().manual_seed(0)):
        one, other = noisy.decode(torch.zeros(2, 4)), noisy.decode(torch.zeros(2, 4))
    assert not torch.equal(one, other)


def test_it_trains_resumes_and_repeats_itself(noisy: zoo.Model, tmp_path: Path) -> None:
    settings = {"batch_size": 20, "progress": False, "device": "cpu", "pictures_every": 0}
    config = noisy.config
    runs = []
    for name, epochs in (("whole", [3]), ("again", [3]), ("resumed", [1, 3])):
        model = zoo.build(config, seed=2)
        for end in epochs:
            zoo.train(model, IMAGES, out=tmp_path / name, epochs=end, resume=end != epochs[0], **settings)
            model = zoo.load(tmp_path / name)
        runs.append(model.published_state())
    for state in runs[1:]:
        assert all(torch.equal(tensor, state[key]) for key, tensor in runs[0].items())


def test_pictures_in_chunks_follow_their_seed_and_no_chunk_repeats_the_draws_of_another(noisy: zoo.Model) -> None:
    def drawn(seed: int) -> list[torch.Tensor]:
        return [chunk.x for chunk in noisy.sample_chunks(8, seed=seed, chunk=4)]

    same, again, other = drawn(1), drawn(1), drawn(2)
    assert all(torch.equal(a, b) for a, b in zip(same, again)) and not torch.equal(same[0], other[0])
    source, seen = noisy.parts["decoder"].noise, []
    normal = source.normal
    source.normal = lambda like: seen.append(normal(like)) or seen[-1]
    drawn(1)
    assert len(seen) == 2 and not torch.equal(*seen)
