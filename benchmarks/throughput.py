"""Images a second of the game against a bare hand-written loop over the same modules, interleaved in one process.

    python benchmarks/throughput.py [--rounds 15] [--seconds 2] [--threads 2] [--pythae DIR/bin/python] [--before DIR/bin/python]

Both sides play on the same images in memory, with the same optimizer. Each takes short turns; the best of each side's turns
counts, for the best is what the code costs and the rest is what else the machine did. The adversarial autoencoder is also held
against pythae's, on the same nets and with all gradients taken at once as pythae does, each in a process of its own, by turns. ``--before``
names the python of an environment with an earlier zoo: then every case is played by both, each in a process of its own, by turns.
"""

from __future__ import annotations

import argparse
import copy
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

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
    "aae 2x1000, 28x28, batch 100": {
        "recipe": "aae",
        "image_shape": (1, 28, 28),
        "batch": 100,
        "settings": {},
    },
}

AT_ONCE: dict[str, Any] = {
    "training.players": {
        "autoencoder": {"trains": ["encoder", "decoder"], "losses": ["fit", "fool"], "lr": 1e-4},
        "critic": {"trains": ["adversarial-prior"], "losses": ["discriminate"], "lr": 1e-4},
    },
    "training.turns": [{"losses": ["fit", "discriminate", "fool"], "players": ["autoencoder", "critic"]}],
}
"""The ``aae`` as pythae trains it: one joint step, Adam."""

PYTHAE = """
import logging, sys, tempfile, time
import numpy as np, torch
from torch import nn
from pythae.models import Adversarial_AE, Adversarial_AE_Config
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseDiscriminator, BaseEncoder
from pythae.data.datasets import BaseDataset
from pythae.trainers import AdversarialTrainer, AdversarialTrainerConfig
torch.set_num_threads(int(sys.argv[1]))
logging.disable(logging.CRITICAL)
def hidden(inputs):
    return [nn.Linear(inputs, 1000), nn.ReLU(), nn.Linear(1000, 1000), nn.ReLU()]
class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), *hidden(784), nn.Linear(1000, 8))
    def forward(self, x):
        z = self.net(x)
        return ModelOutput(embedding=z, log_covariance=torch.zeros_like(z))
class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(*hidden(8), nn.Linear(1000, 784), nn.Sigmoid())
    def forward(self, z):
        return ModelOutput(reconstruction=self.net(z).view(-1, 1, 28, 28))
class Critic(BaseDiscriminator):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(*hidden(8), nn.Linear(1000, 1), nn.Sigmoid())
    def forward(self, z):
        return ModelOutput(embedding=self.net(z))
images = torch.from_numpy(np.random.default_rng(0).random((5_000, 1, 28, 28), dtype=np.float32))
config = Adversarial_AE_Config(input_dim=(1, 28, 28), latent_dim=8, deterministic_posterior=True)
model = Adversarial_AE(config, encoder=Encoder(), decoder=Decoder(), discriminator=Critic())
settings = AdversarialTrainerConfig(output_dir=tempfile.mkdtemp(), num_epochs=1, per_device_train_batch_size=100, no_cuda=True)
trainer = AdversarialTrainer(model, BaseDataset(images, torch.zeros(len(images))), training_config=settings)
trainer.prepare_training()
trainer.train_step(0)
for line in sys.stdin:
    started = time.perf_counter()
    trainer.train_step(0)
    print(len(images) / (time.perf_counter() - started), flush=True)
"""


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


def shuffled_batches(images: torch.Tensor, batch: int) -> Iterator[torch.Tensor]:
    """Batches of an epoch after another, from images kept as bytes."""
    data = (images * 255).round().to(torch.uint8)
    while True:
        for rows in torch.randperm(len(data)).split(batch):
            if len(rows) == batch:
                yield data[rows].float().div_(255)


def bare_loop(model: zoo.Model, images: torch.Tensor, batch: int) -> Callable[[int], None]:
    """``n`` steps as a person writes them."""
    encoder, decoder = model.parts["encoder"], model.parts["decoder"]
    bernoulli = type(decoder.family).__name__.startswith("Bernoulli")
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3, fused=True)
    shuffled = shuffled_batches(images, batch)
    units = images[0].numel()
    encoder.train()
    decoder.train()

    def play(n: int) -> None:
        for i in range(n):
            x = next(shuffled)
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


def bare_aae(model: zoo.Model, images: torch.Tensor, batch: int) -> Callable[[int], None]:
    """``n`` rounds of the adversarial autoencoder as a person writes them, phase by phase."""
    encoder, decoder, prior = model.parts["encoder"], model.parts["decoder"], model.parts["prior"]
    critic = model.objectives["adversarial-prior"].critics["z"]
    sgd = torch.optim.SGD
    to_reconstruct = sgd([*encoder.parameters(), *decoder.parameters()], lr=0.01, momentum=0.9, fused=True)
    to_criticize = sgd(critic.parameters(), lr=0.1, momentum=0.1, fused=True)
    to_fool = sgd(encoder.parameters(), lr=0.1, momentum=0.1, fused=True)
    shuffled = shuffled_batches(images, batch)
    model.train()

    def update(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=optimizer.param_groups[0]["params"])
        optimizer.step()

    def play(n: int) -> None:
        for i in range(n):
            x = next(shuffled)
            update(to_reconstruct, (torch.sigmoid(decoder(encoder(x))) - x).square().flatten(1).sum(1).mean() * 0.5)
            code = encoder(x)
            draws = prior.std * torch.randn_like(code)
            update(to_criticize, softplus(-critic(draws)).mean() + softplus(critic(code.detach())).mean())
            fooling = softplus(-critic(code)).mean()
            update(to_fool, fooling)
            if i % 50 == 49:
                fooling.item()

    return play


def measure(name: str, rounds: int, seconds: float) -> tuple[float, float]:
    """Best images a second of the zoo's loop and of the bare loop."""
    case = CASES[name]
    model = zoo.build(case["recipe"], image_shape=case["image_shape"], **case["settings"])
    images = torch.rand(5_000, *case["image_shape"], generator=torch.Generator().manual_seed(0))
    sides = {
        "zoo": zoo_loop(copy.deepcopy(model), images, case["batch"]),
        "bare": (bare_aae if case["recipe"] == "aae" else bare_loop)(copy.deepcopy(model), images, case["batch"]),
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


def against_pythae(python: str, rounds: int) -> tuple[float, float]:
    """Best images a second of an epoch of the zoo and of pythae, by turns."""
    images = torch.rand(5_000, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    ours = zoo_loop(zoo.build("aae", image_shape=(1, 28, 28), **{"prior.std": 1.0}, **AT_ONCE), images, 100)
    theirs = subprocess.Popen(
        [python, "-c", PYTHAE, str(torch.get_num_threads())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if theirs.stdin is None or theirs.stdout is None:
        raise RuntimeError("no pipes")
    ours(50)
    best_ours = best_theirs = 0.0
    for _ in range(rounds):
        started = time.perf_counter()
        ours(50)
        best_ours = max(best_ours, len(images) / (time.perf_counter() - started))
        theirs.stdin.write("go\n")
        theirs.stdin.flush()
        best_theirs = max(best_theirs, float(theirs.stdout.readline()))
    theirs.stdin.close()
    theirs.wait()
    return best_ours, best_theirs


def play_when_told(name: str) -> None:
    """Play as many rounds of a case as each line of the standard input says; answer with images a second."""
    case = CASES[name]
    model = zoo.build(case["recipe"], image_shape=case["image_shape"], **case["settings"])
    images = torch.rand(5_000, *case["image_shape"], generator=torch.Generator().manual_seed(0))
    loop = zoo_loop(model, images, case["batch"])
    for line in sys.stdin:
        started = time.perf_counter()
        loop(int(line))
        print(int(line) * case["batch"] / (time.perf_counter() - started), flush=True)


def against_before(python: str, name: str, rounds: int, seconds: float) -> tuple[float, float, float]:
    """Best images a second of this zoo and of the one in the environment of ``python``, and the median ratio of turns side by side."""
    threads = str(torch.get_num_threads())
    sides = [
        subprocess.Popen(
            [one, __file__, "--play", name, "--threads", threads],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for one in (sys.executable, python)
    ]

    def turn(side: subprocess.Popen[str], steps: int) -> float:
        if side.stdin is None or side.stdout is None:
            raise RuntimeError("no pipes")
        side.stdin.write(f"{steps}\n")
        side.stdin.flush()
        return float(side.stdout.readline())

    for side in sides:
        turn(side, 10)
    steps = max(10, int(seconds * turn(sides[1], 20) / CASES[name]["batch"]))
    rates: tuple[list[float], list[float]] = ([], [])
    for i in range(rounds):
        for which in (0, 1) if i % 2 else (1, 0):
            rates[which].append(turn(sides[which], steps))
    for side in sides:
        side.communicate()
    return max(rates[0]), max(rates[1]), statistics.median(now / then for now, then in zip(*rates, strict=True))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each side")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a turn")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--pythae", metavar="PYTHON", help="python of an environment with pythae 0.1.2")
    parser.add_argument("--before", metavar="PYTHON", help="python of an environment with an earlier zoo_core")
    parser.add_argument("--play", metavar="CASE", help=argparse.SUPPRESS)
    parser.add_argument("--cases", nargs="+", metavar="WORD", default=[""], help="only cases whose name begins so")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.play:
        play_when_told(args.play)
        return 0
    if args.before:
        print(f"{'case':36}{'images/s':>14}{'before':>15}{'ratio':>8}{'median':>8}")
        for name in (name for name in CASES if name.startswith(tuple(args.cases))):
            now, then, median = against_before(args.before, name, args.rounds, args.seconds)
            print(f"{name:36}{now:14,.0f}{then:15,.0f}{now / then:8.3f}{median:8.3f}", flush=True)
        return 0
    print(f"{'case':36}{'zoo images/s':>14}{'bare images/s':>15}{'ratio':>8}")
    for name in (name for name in CASES if name.startswith(tuple(args.cases))):
        ours, bare = measure(name, args.rounds, args.seconds)
        print(f"{name:36}{ours:14,.0f}{bare:15,.0f}{ours / bare:8.3f}", flush=True)
    if args.pythae:
        ours, theirs = against_pythae(args.pythae, args.rounds)
        print(f"{'aae at once, 2x1000, batch 100':36}{ours:14,.0f}{theirs:15,.0f}{ours / theirs:8.3f}  (pythae)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
