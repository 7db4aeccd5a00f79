"""Images a second of the game against a bare hand-written loop over the same modules, interleaved in one process.

    python benchmarks/throughput.py [--rounds 15] [--seconds 2] [--threads 2]

Both sides play on the same images in memory, with the same optimizer. Each takes short turns; the best of each side's turns
counts, for the best is what the code costs and the rest is what else the machine did.
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

import zoo_core as zoo
from zoo_core.training import Session, training_settings

CASES: dict[str, dict[str, Any]] = {
    "vae 2x1000, 28x28, batch 100": {
        "recipe": "vae-mlp",
        "image_shape": (1, 28, 28),
        "batch": 100,
        "settings": {},
    },
    "vae dcgan 32, 3x32x32, batch 100": {
        "recipe": "vae",
        "image_shape": (3, 32, 32),
        "batch": 100,
        "settings": {},
    },
    "tiny nets (1x16), 8x8, batch 16": {
        "recipe": "vae-mlp",
        "image_shape": (1, 8, 8),
        "batch": 16,
        "settings": {"encoder.hidden": [16], "decoder.hidden": [16], "latent_dim": 2},
    },
}


def zoo_loop(model: zoo.Model, images: torch.Tensor, batch: int) -> Callable[[int], None]:
    """``n`` rounds of the game, as the trainer plays them."""
    session = Session(
        model, images, training_settings(model.config["training"], batch_size=batch, epochs=1), device="cpu"
    )
    pending: list[Any] = []

    def play(n: int) -> None:
        for i in range(n):
            if not model.training:
                model.train()
            pending.append(session.game.play().terms)
            if i % 50 == 49:
                float(torch.stack([t for terms in pending for t in terms.values()]).mean())
                pending.clear()

    return play


def bare_loop(model: zoo.Model, images: torch.Tensor, batch: int) -> Callable[[int], None]:
    """``n`` steps as a person writes them."""
    encoder, decoder = model.parts["encoder"], model.parts["decoder"]
    bernoulli = type(decoder.family).__name__.startswith("Bernoulli")
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3, fused=True)
    data = (images * 255).round().to(torch.uint8)
    units = data[0].numel()
    state = {"order": torch.randperm(len(data)), "at": 0}
    encoder.train()
    decoder.train()

    def play(n: int) -> None:
        for i in range(n):
            if state["at"] + batch > len(data):
                state.update(order=torch.randperm(len(data)), at=0)
            x = data[state["order"][state["at"] : state["at"] + batch]].float().div_(255)
            state["at"] += batch
            mean, log_sigma = encoder(x).chunk(2, dim=-1)
            log_sigma = 7 * torch.tanh(log_sigma / 7)
            z = mean + log_sigma.exp() * torch.randn_like(mean)
            output = decoder(z)
            if bernoulli:
                nll = binary_cross_entropy_with_logits(output, x, reduction="none").flatten(1).sum(1)
            else:
                log_s = decoder.family.log_sigma()
                scaled = (x - torch.sigmoid(output)) * torch.exp(-log_s)
                nll = (
                    0.5 * scaled.square().flatten(1).sum(1)
                    + log_s.sum() * (units / log_s.numel())
                    + 0.5 * units * math.log(2 * math.pi)
                )
            kl = 0.5 * (mean.square() + (2 * log_sigma).exp() - 1 - 2 * log_sigma).sum(1)
            loss = (nll.mean() + kl.mean()) / units
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if i % 50 == 49:
                loss.item()

    return play


def measure(name: str, rounds: int, seconds: float) -> tuple[float, float]:
    """Best images a second of the zoo's loop and of the bare loop."""
    case = CASES[name]
    model = zoo.build(case["recipe"], image_shape=case["image_shape"], **case["settings"])
    images = torch.rand(5_000, *case["image_shape"], generator=torch.Generator().manual_seed(0))
    sides = {
        "zoo": zoo_loop(copy.deepcopy(model), images, case["batch"]),
        "bare": bare_loop(copy.deepcopy(model), images, case["batch"]),
    }
    best = dict.fromkeys(sides, 0.0)
    sides["bare"](10)
    started = time.perf_counter()
    sides["bare"](20)
    steps = max(10, int(seconds / ((time.perf_counter() - started) / 20)))
    sides["zoo"](steps)
    for i in range(rounds):
        for side in sorted(sides, reverse=bool(i % 2)):
            started = time.perf_counter()
            sides[side](steps)
            best[side] = max(best[side], steps * case["batch"] / (time.perf_counter() - started))
    return best["zoo"], best["bare"]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each side")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a turn")
    parser.add_argument("--threads", type=int, default=None)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(f"{'case':36}{'zoo images/s':>14}{'bare images/s':>15}{'ratio':>8}")
    for name in CASES:
        ours, bare = measure(name, args.rounds, args.seconds)
        print(f"{name:36}{ours:14,.0f}{bare:15,.0f}{ours / bare:8.3f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
