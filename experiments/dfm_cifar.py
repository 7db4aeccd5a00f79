"""Denoising feature matching on CIFAR-10: score and distance with and without it (Warde-Farley and Bengio 2017, Table 2's claim).

The same generator, discriminator and budget; one line also has the denoiser on the discriminator's penultimate features. Images are
those of the JPEG copy of CIFAR-10, 45,000 to train on and 5,000 to measure against. Score
(10 groups of 5,000 samples) and Fréchet distance are taken over a real CIFAR classifier that no model was trained with, a ResNet-56:
the Inception network's weights are not at hand, and figures over another extractor compare with each other alone. The settings are
the paper's, but for the width and a learning rate of 2e-4 for so short a training; nothing was tuned.

    python experiments/dfm_cifar.py --seed 0 --minutes 60          # --gpu for the paper's width of 64
    python experiments/dfm_cifar.py --table
    python experiments/dfm_cifar.py --pictures docs/models/images  # samples of --seed
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

from bench import Deadline, Results, add_lines, arguments, columns, data_root, measure, spread

import zoo_core as zoo
from zoo_core.drawing.grids import grid, save_png

RUNS = Path("runs") / "dfm_cifar"
LINES = {"gan": "gan", "dfm": "dfm-gan"}
EPOCHS = 8
WIDTH, FEATURES = 16, 512
"""Filters nearest to the image, and units of the penultimate layer (the denoiser's ten layers have as many), on CPUs; a GPU has the
paper's 64 and 1,024."""
METRICS = ("fid", "inception-score")


def settings(device: str) -> dict[str, Any]:
    """Alike for every line: both recipes differ in the denoiser, its place in the turns and nothing else."""
    width, features = (WIDTH, FEATURES) if device == "cpu" else (64, 1024)
    at_once = [{"losses": ["discriminate", "denoise", "fool"], "players": ["discriminator", "denoiser", "generator"]}]
    return {
        "width": width,
        "discriminator.features": features,
        "training.turns": at_once,
        "training.players.discriminator.lr": RATE,
        "training.players.generator.lr": RATE,
    }


RATE = 2e-4


def extractor() -> dict[str, Any]:
    """The classifier that measures, with its real weights."""
    return {"name": "cifar-resnet56", "weights": str(data_root() / "weights" / "cifar10_resnet56.safetensors")}


def folder(line: str, seed: int, device: str) -> Path:
    """Where a line is trained."""
    return RUNS / f"{line}-{seed}-{device}"


def run(line: str, seed: int, split: str, deadline: Deadline, results: Results, device: str) -> bool:
    """Train and measure one line; False when the time ran out."""
    data = zoo.open_dataset("cifar10", root=str(data_root()), settings={"variant": "jpeg"})
    model = zoo.build(LINES[line], data=data, seed=seed, **settings(device))
    about = {"epochs": EPOCHS, "width": model.config["parts"]["decoder"]["params"]["width"], "rate": RATE}
    if results.has(line=line, seed=seed, split=split, **about):
        return True
    trained = zoo.train(
        model,
        data,
        epochs=EPOCHS,
        out=folder(line, seed, device),
        seed=seed,
        device=device,
        resume=True,
        callbacks=[deadline],
        pictures_every=1,
    )
    if trained.reason != "finished":
        return False
    asked = [{"name": name, "features": extractor()} for name in METRICS]
    figures = zoo.evaluate(model, data, asked, split=split, device=device)
    results.add(
        line=line,
        seed=seed,
        split=split,
        **about,
        features=settings(device)["discriminator.features"],
        command=f"experiments/dfm_cifar.py --seed {seed}" + ("" if device == "cpu" else " --gpu"),
        seconds=round(trained.seconds),
        device=device,
        diversity=trained.diversity,
        **columns(figures),
    )
    return True


def table(results: Results) -> None:
    """Mean and spread over seeds of what was measured on test images with the last settings."""
    rows = [r for r in results.lines if r["split"] == "test"]
    print(f"{'line':8}{'figure':24}{'ours':>18}  seeds, epochs, width, minutes a run")
    for line in LINES:
        own = [r for r in rows if r["line"] == line]
        own = [r for r in own if all(r[k] == own[-1][k] for k in ("epochs", "width", "rate"))]
        for figure in own[0]["figures"] if own else ():
            values = [r["figures"][figure] for r in own]
            minutes = statistics.mean(r["seconds"] for r in own) / 60
            about = f"{', '.join(str(r['seed']) for r in own)}; {own[0]['epochs']}; {own[0]['width']}; {minutes:.0f}"
            print(f"{line:8}{figure:24}{f'{statistics.mean(values):.4g}{spread(values)}':>18}  {about}")


def pictures(seed: int, where: Path, device: str) -> None:
    """64 samples of every line."""
    for line in LINES:
        model = zoo.load(folder(line, seed, device))
        save_png(where / f"dfm-cifar-{line}.png", grid(model.sample(64, seed=0)))


def main() -> int:
    """Every line at one seed."""
    parser = arguments(__doc__, table=True)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="draw samples into DIR, train nothing")
    add_lines(parser, LINES)
    args = parser.parse_args()
    results = Results("dfm_cifar")
    if args.pictures:
        pictures(args.seed, args.pictures, args.device)
    else:
        measure(
            args,
            args.lines,
            lambda line, deadline: run(line, args.seed, args.split, deadline, results, args.device),
        )
    table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
