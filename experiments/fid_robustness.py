"""How FID and the inception score see spoilt images: the study of Heusel et al. 2017 as the thesis tells it (Lamb 2018, section 1.2.3).

Real images against the same images, more and more spoilt: Gaussian noise, removed regions, swirl, salt and pepper, and images of another
set mixed in. FID should rise with each. The inception score over the same classifier stands beside it.

    python experiments/fid_robustness.py                   # scikit-learn's digits and the classifier that travels with the zoo
    python experiments/fid_robustness.py --data cifar10    # real CIFAR-10 images and a real CIFAR ResNet-20

Measured lines are added to results/fid_robustness.jsonl and never measured twice; then the table and the picture of all of them are made.
Foreign images are pieces of two photographs (scikit-learn's) for the digits, and faces (CelebA) for CIFAR-10.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from bench import HERE, Results, arguments, data_root
from discreg_cifar import classifier
from torch import Tensor
from zoo_basics.metrics import corruptions
from zoo_basics.metrics.extractor import Features, extractor_for
from zoo_basics.metrics.fid import feature_moments, frechet_distance
from zoo_basics.metrics.inception_score import inception_score

import zoo_core as zoo
from zoo_core.data import evaluation_batches, open_source
from zoo_core.interfaces import Dataset

BATCH = 250
STRENGTHS: dict[str, tuple[float, ...]] = {
    "gaussian noise": (0.0, 0.05, 0.1, 0.2, 0.3, 0.4),
    "removed regions": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    "swirl": (0.0, 0.5, 1.0, 2.0, 3.0, 4.0),
    "salt and pepper": (0.0, 0.01, 0.02, 0.05, 0.1, 0.2),
    "foreign images": (0.0, 0.1, 0.25, 0.5, 0.75, 1.0),
}
"""Noise: its standard deviation, in grey levels of [0, 1]. Regions: their sides, of the image's. Swirl: radians at the centre. Salt and
pepper: share of pixels. Foreign images: share of images."""


def images_of(data: Dataset, device: str, *splits: Any) -> Tensor:
    """All images of the splits, (N, C, H, W) in [0, 1]."""
    return torch.cat(
        [b.x for split in splits for b in evaluation_batches(open_source(data.split(split), device=device), BATCH)]
    )


def digits(device: str) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """All 1,797 digits; pieces of photographs; the classifier."""
    from sklearn.datasets import load_sample_images

    pieces = []
    for photograph in load_sample_images().images:
        grey = torch.tensor(photograph).float().mean(-1) / 255
        pieces.append(grey.unfold(0, 32, 16).unfold(1, 32, 16).reshape(-1, 1, 32, 32))
    mixed = torch.cat(pieces)
    mixed = mixed[torch.randperm(len(mixed), generator=torch.Generator().manual_seed(0))]
    data = zoo.open_dataset("digits")
    return (
        images_of(data, device, "train", "validation", "test"),
        mixed,
        {"features": "digit-classifier", "layer": "conv3"},
    )


def cifar10(device: str) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """The 5,802 exact CIFAR-10 images at hand; faces; a CIFAR ResNet-20, whose pooled features FID is over."""
    root = str(data_root())
    data = zoo.open_dataset("cifar10", root=root, settings={"variant": "exact"})
    faces = images_of(zoo.open_dataset("celeba", root=root), device, "train", "test")
    small = torch.nn.functional.interpolate(faces, (32, 32), mode="bilinear", antialias=True)
    return (
        images_of(data, device, "train", "validation", "test"),
        small,
        {"features": classifier("cifar-resnet20"), "layer": "pool"},
    )


DATA: dict[str, Callable[[str], tuple[Tensor, Tensor, dict[str, Any]]]] = {"digits": digits, "cifar10": cifar10}


def measure(data: str, seed: int, device: str, results: Results) -> None:
    """Every corruption at every strength that is not in ``results`` yet."""
    wanted = [(name, strength) for name, all_of_it in STRENGTHS.items() for strength in all_of_it]
    left = [one for one in wanted if not results.has(data=data, seed=seed, corruption=one[0], strength=one[1])]
    if not left:
        return
    x, foreign, chosen = DATA[data](device)
    features: Features = chosen["features"]
    shape = (x.shape[1], x.shape[2], x.shape[3])
    for_fid = extractor_for(features, chosen["layer"], "features", image_shape=shape, device=device)
    for_score = extractor_for(features, None, "logits", image_shape=shape, device=device)
    spoilers: dict[str, Callable[[Tensor, float, torch.Generator], Tensor]] = {
        "gaussian noise": corruptions.gaussian_noise,
        "removed regions": corruptions.removed_regions,
        "swirl": corruptions.swirl,
        "salt and pepper": corruptions.salt_and_pepper,
        "foreign images": partial(corruptions.foreign_images, foreign=foreign),
    }
    real = feature_moments(for_fid(batch) for batch in x.split(BATCH))
    for name, strength in left:
        started = time.monotonic()
        spoilt = spoilers[name](x, strength, torch.Generator().manual_seed(seed))
        results.add(
            data=data,
            corruption=name,
            strength=strength,
            seed=seed,
            fid=frechet_distance(real, (for_fid(batch) for batch in spoilt.split(BATCH))),
            inception_score=inception_score(torch.cat([for_score(batch) for batch in spoilt.split(BATCH)])),
            protocol={"fid": for_fid.protocol, "inception_score": for_score.protocol, "images": len(x)},
            seconds=round(time.monotonic() - started, 1),
            device=device,
            command=f"experiments/fid_robustness.py --data {data} --seed {seed}",
        )
        line = results.lines[-1]
        print(f"{data}  {name} {strength:g}: FID {line['fid']:.3f}, inception score {line['inception_score']:.3f}")


def table(results: Results, data: str, seed: int) -> str:
    """The figures as Markdown: a row a corruption, ``FID / inception score`` at each strength."""
    lines = [f"{data}: FID / inception score at strength"]
    for name, strengths in STRENGTHS.items():
        measured = {x["strength"]: x for x in curve(results, data, name, seed)}
        cells = [
            f"{s:g}: {measured[s]['fid']:.2f} / {measured[s]['inception_score']:.2f}"
            for s in strengths
            if s in measured
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def curve(results: Results, data: str, corruption: str, seed: int) -> list[dict[str, Any]]:
    """The lines of one corruption, by strength."""
    key = {"data": data, "corruption": corruption, "seed": seed}
    found = [line for line in results.lines if all(line[k] == v for k, v in key.items())]
    return sorted(found, key=lambda line: float(line["strength"]))


def draw(results: Results, seed: int, out: Path) -> None:
    """A row a data set, a column a corruption: FID (blue, left) and the inception score (orange, right) against strength."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [data for data in DATA if results.has(data=data, seed=seed)]
    figure = Figure(figsize=(14, 2.7 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(rows), len(STRENGTHS), squeeze=False)
    for data, row in zip(rows, panels):
        for number, (name, axes) in enumerate(zip(STRENGTHS, row)):
            lines = curve(results, data, name, seed)
            strength = [line["strength"] for line in lines]
            axes.plot(strength, [line["fid"] for line in lines], "o-", color="tab:blue", markersize=3)
            axes.set_ylim(bottom=0)
            axes.set_title(f"{data}: {name}", fontsize=9)
            axes.tick_params(labelsize=8)
            right = axes.twinx()
            right.plot(strength, [line["inception_score"] for line in lines], "s--", color="tab:orange", markersize=3)
            right.set_ylim(1, 10)
            right.tick_params(labelsize=8)
            if number == 0:
                axes.set_ylabel("FID", color="tab:blue")
            if number == len(STRENGTHS) - 1:
                right.set_ylabel("inception score", color="tab:orange")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)


def main() -> int:
    """Measure what is missing, then the table and the picture."""
    parser = arguments(__doc__)
    parser.add_argument("--data", choices=tuple(DATA), default="digits")
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "models" / "images" / "fid-robustness.png")
    args = parser.parse_args()
    results = Results("fid_robustness")
    measure(args.data, args.seed, args.device, results)
    print(table(results, args.data, args.seed))
    draw(results, args.seed, args.out)
    print(f"picture: {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
