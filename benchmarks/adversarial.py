"""What adversarial training costs: the game against a hand-written DCGAN loop, and denoising feature matching against its parts.

    python benchmarks/adversarial.py [--rounds 30] [--steps 3] [--threads 2] [--width 16] [--features 1024]

The first line is images a second of ``gan`` in turn, of the zoo and of a loop as a person writes it, over the same modules. The
second is the time of a round of ``dfm-gan`` over that of a round of the same recipe without the denoiser plus the denoiser's own
work, timed alone on features in memory: forward and backward on corrupted features, its optimizer's step, and its forward on
generated features. All sides take short turns in one process. A ratio is the median over rounds of turns, each of which is over in a
second or two: so long a machine is much the same to all sides.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import torch
from throughput import shuffled_batches, zoo_loop
from torch.nn.functional import softplus

import zoo_core as zoo

SHAPE, BATCH = (3, 32, 32), 128

Play = Callable[[int], None]


def bare_gan(model: zoo.Model, images: torch.Tensor) -> Play:
    """``n`` rounds as a person writes them: discriminator, then generator."""
    generator, critic, prior = model.parts["decoder"], model.parts["discriminator"], model.parts["prior"]
    to_critic = torch.optim.Adam(critic.parameters(), 2e-4, betas=(0.5, 0.999), fused=True)
    to_generator = torch.optim.Adam(generator.parameters(), 2e-4, betas=(0.5, 0.999), fused=True)
    shuffled = shuffled_batches(images, BATCH)
    model.train()

    def play(n: int) -> None:
        for i in range(n):
            fake = torch.sigmoid(generator(2 * torch.rand(BATCH, prior.latent_dim) - 1))
            to_critic.zero_grad(set_to_none=True)
            loss = softplus(-critic(next(shuffled))[-1]).mean() + softplus(critic(fake.detach())[-1]).mean()
            loss.backward()
            to_critic.step()
            to_generator.zero_grad(set_to_none=True)
            softplus(-critic(fake)[-1]).mean().backward(inputs=list(generator.parameters()))
            to_generator.step()
            if i % 50 == 49:
                loss.item()

    return play


def bare_denoiser(model: zoo.Model) -> Play:
    """``n`` times the denoiser's own work on features in memory."""
    denoiser = model.objectives["dfm"].denoiser
    features = torch.rand(2, BATCH, model.parts["discriminator"].shapes["features"][0])
    optimizer = torch.optim.Adam(denoiser.parameters(), 1e-4, betas=(0.5, 0.999), fused=True)
    denoiser.train()

    def play(n: int) -> None:
        for _ in range(n):
            corrupted = features[0] + torch.randn_like(features[0])
            optimizer.zero_grad(set_to_none=True)
            (denoiser(corrupted) - features[0]).square().mean().backward()
            optimizer.step()
            with torch.no_grad():
                denoiser(features[1])

    return play


def seconds_of_turns(sides: Mapping[str, Play], rounds: int, steps: int) -> dict[str, list[float]]:
    """Seconds of a step of each side in each round of turns; a turn is ``steps`` steps."""
    for play in sides.values():
        play(steps)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for i in range(rounds):
        for name in sorted(sides, reverse=bool(i % 2)):
            started = time.perf_counter()
            sides[name](steps)
            seconds[name].append((time.perf_counter() - started) / steps)
    return seconds


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="turns of each side")
    parser.add_argument("--steps", type=int, default=3, help="length of a turn")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--width", type=int, default=16, help="filters nearest to the image")
    parser.add_argument("--features", type=int, default=1024, help="penultimate layer, and the denoiser's ten layers")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    images = torch.rand(2_000, *SHAPE, generator=torch.Generator().manual_seed(0))
    nets: dict[str, Any] = {"image_shape": SHAPE, "width": args.width, "discriminator.features": args.features}

    model = zoo.build("gan", **nets)
    sides = {"zoo": zoo_loop(copy.deepcopy(model), images, BATCH), "bare": bare_gan(model, images)}
    took = seconds_of_turns(sides, args.rounds, args.steps)
    about = f"width {args.width}, features {args.features}, batch {BATCH}"
    ratio = median(bare / ours for bare, ours in zip(took["bare"], took["zoo"]))
    print(
        f"gan ({about}): zoo {BATCH / median(took['zoo']):,.0f} images/s, bare loop {BATCH / median(took['bare']):,.0f} images/s, "
        f"ratio {ratio:.3f}",
        flush=True,
    )

    with_denoiser = zoo.build("dfm-gan", **nets)
    without = zoo.build("dfm-gan", objective="gan", **nets)
    took = seconds_of_turns(
        {
            "dfm": zoo_loop(copy.deepcopy(with_denoiser), images, BATCH),
            "gan": zoo_loop(without, images, BATCH),
            "denoiser": bare_denoiser(with_denoiser),
        },
        args.rounds,
        args.steps,
    )
    ratio = median(
        dfm / (gan + denoiser) for dfm, gan, denoiser in zip(*(took[name] for name in ("dfm", "gan", "denoiser")))
    )
    middle = {name: 1e3 * median(seconds) for name, seconds in took.items()}
    print(
        f"dfm ({about}, denoiser 10 x {args.features}): {middle['dfm']:.1f} ms a round, gan {middle['gan']:.1f} ms + "
        f"denoiser alone {middle['denoiser']:.1f} ms, ratio {ratio:.3f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
