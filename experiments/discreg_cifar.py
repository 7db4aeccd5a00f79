"""Discriminative regularization on CIFAR-10: held-out feature error and pixel NLL, with and without the terms.

Two VAEs of the same nets, seed and budget; one also has the terms of Eq. 4-5 on the three stages of a real CIFAR ResNet-20.
Measured on test images that neither saw: the feature error in ResNet-20 (trained on), in ResNet-56 (never seen in training), and
the pixel NLL by importance sampling. Data: training images of the JPEG copy of CIFAR-10 (the exact ones at hand are too few to
train on); tests on the exact test images, and on JPEG ones as trained on. The number of images and the terms' weight were chosen on
exact validation images (seed 100) after a first round with 10,000 images and weight 1, whose lines stand in the results too.

    python experiments/discreg_cifar.py --seed 0 --minutes 30
    python experiments/discreg_cifar.py --table          # what has been measured so far
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

import torch
from bench import Deadline, FirstImages, Results, arguments, data_root, measure, spread

import zoo_core as zoo
from zoo_core.data import evaluation_batches, open_source
from zoo_core.drawing.grids import grid, save_png

EPOCHS = 20
TRAIN_IMAGES = 20_000
WEIGHT = 2.0
"""Of the discriminative terms."""
NLL_IMAGES = 400
TESTS = {"exact": 717, "jpeg": 1_000}
"""Test sets and how many of their images: the exact ones, and the same kind of JPEG copy as is trained on."""
LATENT_DIM = 128
SETTINGS = {"decoder.initial_log_sigma": -1.0, "training.players.autoencoder.lr": 2e-3}
"""Of both models: the original code's learning rate, and a start nearer to where sigma ends in so short a training."""


def classifier(net: str) -> dict[str, Any]:
    """A frozen real classifier of the shared data."""
    weights = str(
        data_root()
        / "weights"
        / ("imagenet_tf_efficientnet_lite0" if net.startswith("timm") else net.replace("cifar-", "cifar10_"))
    )
    return {"name": net, "weights": f"{weights}.safetensors"}


LINES: dict[str, dict[str, Any]] = {
    "vae": {},
    "discreg-resnet20": {"objective": ["elbo", "discreg"], "classifier": lambda: classifier("cifar-resnet20")},
    "discreg-efficientnet-lite0": {
        "objective": ["elbo", "discreg"],
        "classifier": lambda: classifier("timm/tf_efficientnet_lite0"),
    },
}


def folder(line: str, seed: int) -> Path:
    """Where a line is trained."""
    return Path("runs") / "discreg-cifar" / f"{line}-{TRAIN_IMAGES}-{WEIGHT:g}-{seed}"


def run(line: str, seed: int, deadline: Deadline, results: Results, device: str) -> bool:
    """Train and measure one line; False when the time ran out."""
    key = {"line": line, "seed": seed, "epochs": EPOCHS, "train_images": TRAIN_IMAGES, "weight": WEIGHT}
    if all(results.has(**key, test=test) for test in TESTS):
        return True
    settings = {name: value() if callable(value) else value for name, value in LINES[line].items()}
    if "objective" in settings:
        settings["objective.discreg.weight"] = WEIGHT
    data = {
        variant: zoo.open_dataset("cifar10", root=str(data_root()), settings={"variant": variant}) for variant in TESTS
    }
    model = zoo.build("vae", data=data["jpeg"], latent_dim=LATENT_DIM, seed=seed, **SETTINGS, **settings)
    trained = zoo.train(
        model,
        FirstImages(data["jpeg"], {"train": TRAIN_IMAGES, "validation": 1_000}),
        out=folder(line, seed),
        epochs=EPOCHS,
        seed=seed,
        device=device,
        resume=True,
        callbacks=[deadline],
        pictures_every=EPOCHS,
    )
    if trained.reason != "finished":
        return False
    for test, count in TESTS.items():
        if results.has(**key, test=test):
            continue
        figures = {}
        for net in ("cifar-resnet20", "cifar-resnet56"):
            metric = {"name": "feature-error", "extractor": classifier(net)}
            figures[f"feature_error_{net}"] = zoo.evaluate(model, data[test], [metric], limit=count, device=device)[
                0
            ].value
        figures["nll"] = zoo.evaluate(model, data[test], ["nll"], limit=NLL_IMAGES, batch_size=50, device=device)[
            0
        ].value
        for figure in zoo.evaluate(model, data[test], ["reconstruction"], limit=count, device=device):
            figures[figure.name] = figure.value
        results.add(
            **key,
            test=test,
            command=f"experiments/discreg_cifar.py --seed {seed} --lines {line}",
            test_images=count,
            nll_images=NLL_IMAGES,
            seconds=round(trained.seconds),
            device=device,
            figures=figures,
        )
    return True


def picture(seed: int, where: Path) -> None:
    """Test images, then each line's reconstructions and below them samples."""
    exact = zoo.open_dataset("cifar10", root=str(data_root()), settings={"variant": "exact"})
    x = next(iter(evaluation_batches(open_source(exact.split("test")), 16))).x
    rows = [x]
    samples = []
    for line in LINES:
        trained = folder(line, seed)
        if (trained / "model.safetensors").is_file():
            model = zoo.load(trained)
            rows.append(model.reconstruct(x))
            samples.append(model.sample(32, seed=1))
    save_png(where / "discreg-cifar-reconstructions.png", grid(torch.cat(rows), 16), enlarge=2)
    save_png(where / "discreg-cifar-samples.png", grid(torch.cat(samples), 16), enlarge=2)


def table(results: Results) -> None:
    """Means over seeds, and the change against the plain VAE seed by seed."""
    for test in TESTS:
        measured = [
            r for r in results.lines if (r["test"], r["train_images"], r.get("weight")) == (test, TRAIN_IMAGES, WEIGHT)
        ]
        plain = {r["seed"]: r["figures"] for r in measured if r["line"] == "vae"}
        for line in LINES:
            rows = {r["seed"]: r["figures"] for r in measured if r["line"] == line}
            if not rows:
                continue
            print(
                f"\n{line} on {TESTS[test]} {test} test images  ({len(rows)} seeds: {', '.join(map(str, sorted(rows)))})"
            )
            for name in next(iter(rows.values())):
                values = [f[name] for f in rows.values()]
                compared = [s for s in sorted(rows) if s in plain and line != "vae"]
                changes = [f"{100 * (rows[s][name] / plain[s][name] - 1):+.1f} %" for s in compared if name != "nll"]
                print(f"  {name:34} {statistics.mean(values):8.4f}{spread(values, 3):12} {'  '.join(changes)}")


def main() -> int:
    """Every line at one seed."""
    parser = arguments(__doc__, table=True)
    parser.add_argument(
        "--picture", type=Path, metavar="DIR", help="draw the trained lines into DIR, and train nothing"
    )
    parser.add_argument("--lines", nargs="+", choices=LINES, default=["vae", "discreg-resnet20"])
    args = parser.parse_args()
    results = Results("discreg_cifar")
    if args.picture and not args.table:
        picture(args.seed, args.picture)
        return 0
    measure(args, args.lines, lambda line, deadline: run(line, args.seed, deadline, results, args.device))
    table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
