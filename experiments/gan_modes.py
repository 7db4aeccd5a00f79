"""Mode coverage on mixtures of Gaussians in the plane: how many of 8 (a ring) or 25 (a grid) a generator finds.

The same small nets, data and number of rounds for every objective (wgan-gp: two fifths of the
rounds, each with five batches for the critic). A sample is good if it
lies within three standard deviations of a centre; a mode is covered if at least a fifth of its share of 2,500 samples are good and
nearest to it.

    python experiments/gan_modes.py --seed 0 --minutes 30       # seeds 0 to 9 are the table
    python experiments/gan_modes.py --table
    python experiments/gan_modes.py --picture docs/models/images/gan-modes.png
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from bench import Deadline, Results, arguments, measure, spread
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces import Dataset, Labels, Split
from zoo_core.interfaces.dataset import SplitName

POINTS, ROUNDS, BATCH, SAMPLES = 10_000, 5_000, 200, 2_500
METHODS: dict[str, dict[str, Any]] = {
    "gan": {"objective": "gan"},
    # The penalty's factor is that of the original code for points in the plane.
    "wgan-gp": {"objective": "wgan-gp", "objective.wgan-gp.penalty_weight": 0.1},
    "feature-matching": {"objective": "feature-matching"},
    "dfm": {"objective": ["gan", "dfm"], "objective.dfm.denoiser": {"name": "mlp-denoiser", "depth": 4}},
}
NETS: dict[str, Any] = {
    "decoder": {"name": "mlp", "hidden": [128, 128], "sigma": "fixed"},
    "discriminator": {"name": "mlp", "hidden": [128], "features": 128},
    "prior": "gaussian",
    "latent_dim": 2,
}
RATE = 1e-3


@dataclass(frozen=True)
class Mixture:
    """Gaussians of one standard deviation around ``centres`` (M, 2), in [0, 1]²."""

    centres: Tensor
    std: float


def ring() -> Mixture:
    """8 on a circle: radius 2, standard deviation 0.02, in a square of side 5 (Metz et al. 2017)."""
    angle = torch.arange(8) * torch.pi / 4
    return Mixture(0.5 + 0.4 * torch.stack([angle.cos(), angle.sin()], 1), 0.02 / 5)


def squares() -> Mixture:
    """25 on a grid from −4 to 4, standard deviation 0.05, in a square of side 10 (Srivastava et al. 2017)."""
    place = torch.arange(5) * 0.2 + 0.1
    return Mixture(torch.cartesian_prod(place, place), 0.05 / 10)


LAYOUTS = {"ring": ring, "grid": squares}


class Points(Dataset):
    """Draws of a mixture as images of 1x1x2, the same number of each Gaussian."""

    image_shape = (1, 1, 2)
    labels = Labels()

    def __init__(self, layout: str) -> None:
        self.name, self.mixture = layout, LAYOUTS[layout]()

    def split(self, name: SplitName) -> Split:
        generator = torch.Generator().manual_seed(("train", "validation", "test").index(name))
        of = torch.arange(POINTS) % len(self.mixture.centres)
        points = self.mixture.centres[of] + self.mixture.std * torch.randn(POINTS, 2, generator=generator)
        return Split(points.clamp(0, 1).view(-1, 1, 1, 2))


def coverage(samples: Tensor, mixture: Mixture) -> tuple[int, float]:
    """How many modes are covered, and the share of good samples in percent; samples (N, 2)."""
    distances, nearest = torch.cdist(samples, mixture.centres).min(1)
    good = distances < 3 * mixture.std
    counts = torch.bincount(nearest[good], minlength=len(mixture.centres))
    fair = len(samples) / len(mixture.centres)
    return int((counts >= fair / 5).sum()), 100 * float(good.double().mean())


def trained(layout: str, method: str, seed: int, deadline: Deadline | None = None) -> zoo.Model | None:
    """A model of ``layout``, None if the time ran out."""
    data = Points(layout)
    names = ["discriminator", "generator", *(["denoiser"] if method == "dfm" else [])]
    rates = {f"training.players.{name}.lr": RATE for name in names}
    model = zoo.build("gan", data=data, seed=seed, **NETS, **METHODS[method], **rates)
    batches = 2 if method == "wgan-gp" else 1
    run = zoo.train(
        model,
        data,
        epochs=ROUNDS * batches * BATCH // POINTS,
        batch_size=BATCH,
        seed=seed,
        device="cpu",
        validate_every=0,
        progress=False,
        callbacks=[deadline] if deadline else [],
    )
    return model if run.reason == "finished" else None


def run(layout: str, method: str, seed: int, deadline: Deadline, results: Results) -> bool:
    """Train and measure one line; False when the time ran out."""
    if results.has(layout=layout, method=method, seed=seed, rounds=ROUNDS, rate=RATE):
        return True
    started = time.monotonic()
    model = trained(layout, method, seed, deadline)
    if model is None:
        return False
    modes, good = coverage(model.sample(SAMPLES, seed=seed).flatten(1), LAYOUTS[layout]())
    results.add(
        layout=layout,
        method=method,
        seed=seed,
        rounds=ROUNDS,
        rate=RATE,
        modes=modes,
        of=len(LAYOUTS[layout]().centres),
        good=round(good, 2),
        seconds=round(time.monotonic() - started),
        command=f"experiments/gan_modes.py --seed {seed}",
        device="cpu",
    )
    return True


def table(results: Results) -> None:
    """Mean and spread over seeds."""
    print(f"{'layout':8}{'objective':20}{'modes':>16}{'good samples':>20}  seeds")
    for layout in LAYOUTS:
        for method in METHODS:
            rows = [r for r in results.lines if (r["layout"], r["method"], r["rounds"]) == (layout, method, ROUNDS)]
            if rows:
                modes, good = [r["modes"] for r in rows], [r["good"] for r in rows]
                found = f"{statistics.mean(modes):.1f}{spread(modes)} of {rows[0]['of']}"
                share = f"{statistics.mean(good):>12.1f}{spread(good):>6} %"
                print(f"{layout:8}{method:20}{found:>16}{share}  {len(rows)}")


def picture(path: Path, seed: int) -> None:
    """Samples of every method on both layouts, over the centres."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3 * len(METHODS), 6.4), layout="constrained")
    for row, layout in enumerate(LAYOUTS):
        centres = LAYOUTS[layout]().centres
        for column, method in enumerate(METHODS):
            axes = figure.add_subplot(len(LAYOUTS), len(METHODS), row * len(METHODS) + column + 1)
            model = trained(layout, method, seed)
            assert model is not None
            samples = model.sample(SAMPLES, seed=seed).flatten(1)
            modes, good = coverage(samples, LAYOUTS[layout]())
            axes.scatter(*centres.T, s=90, facecolors="none", edgecolors="tab:orange", linewidths=1)
            axes.scatter(*samples.T, s=2, alpha=0.3, color="tab:blue")
            axes.set(title=f"{method}: {modes} of {len(centres)}, {good:.0f} % good", xlim=(0, 1), ylim=(0, 1))
            axes.set_aspect("equal")
            axes.set_xticks([])
            axes.set_yticks([])
    figure.savefig(path, dpi=100)


def main() -> int:
    """Every line at one seed."""
    parser = arguments(__doc__, table=True)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="train with --seed and draw samples of every line")
    args = parser.parse_args()
    results = Results("gan_modes")
    if args.picture:
        picture(args.picture, args.seed)
        return 0
    lines = itertools.product(LAYOUTS, args.methods)
    measure(args, lines, lambda line, deadline: run(*line, args.seed, deadline, results))
    table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
