"""Adversarial autoencoders on MNIST: every figure of the paper that can be measured here (Makhzani et al. 2016).

Each line is a recipe with settings, trained on the 50,000 training images and measured on the 10,000 test images; what a metric has
to choose (a Parzen window's width, the class of a cluster) it chooses on the 10,000 validation images. Settings were chosen on
validation images with seed 100.

    python experiments/aae.py --seed 0 --minutes 60 --lines semi-100 semi-1000
    python experiments/aae.py --table                       # what has been measured so far
    python experiments/aae.py --pictures docs/models/images # the paper's figures, from the runs of --seed
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import Deadline, Results, add_lines, arguments, columns, data_root, measure, spread

import zoo_core as zoo
from zoo_core.interfaces import Dataset

RUNS = Path("runs") / "aae"


@dataclass(frozen=True)
class Line:
    """One model of the paper.

    Arguments:
        recipe, settings: as ``zoo train`` takes them.
        metrics: what is measured of it.
        paper: figure to the paper's value of it.
        labels: how many labels it sees; None is all, where it looks at any.
    """

    recipe: str
    metrics: tuple[str | Mapping[str, Any], ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    paper: Mapping[str, float] = field(default_factory=dict)
    labels: int | None = None


STYLE_AGREEMENT = {"name": "prior-agreement", "latent": "style"}
MIXTURE = {"prior": "gaussian-mixture", "latent_dim": 2}
SAME_NETS = {"encoder.batch_norm": True, "training.epochs": 15}
LINES: dict[str, Line] = {
    "gaussian": Line("aae-fast", ("prior-agreement", "reconstruction"), {"latent_dim": 2}),
    "mixture": Line("aae-fast", ("prior-agreement", "reconstruction"), MIXTURE),
    "vae-gaussian": Line("vae-mlp", ("prior-agreement", "reconstruction"), {"latent_dim": 2, **SAME_NETS}),
    "vae-mixture": Line("vae-mlp", ("prior-agreement", "reconstruction"), {**MIXTURE, **SAME_NETS}),
    "labelled-mixture": Line("aae-labelled-fast", ("prior-agreement",), labels=10_000),
    "labelled-swiss-roll": Line("aae-labelled-fast", ("prior-agreement",), {"prior": "swiss-roll"}, labels=10_000),
    "likelihood": Line(
        "aae-fast", ("parzen", "nearest-training", "prior-agreement"), paper={"parzen-log-likelihood": 340.0}
    ),
    "style": Line("aae-supervised-fast", ("prior-agreement", "reconstruction", "probe"), {"training.epochs": 25}),
    "semi-100": Line(
        "aae-semi-fast", ("classification-error", STYLE_AGREEMENT), paper={"classification-error": 1.90}, labels=100
    ),
    "semi-100-paper": Line(
        "aae-semi",
        ("classification-error", STYLE_AGREEMENT),
        {"training.epochs": 50},
        {"classification-error": 3.40},
        100,
    ),
    "semi-1000": Line(
        "aae-semi-fast",
        ("classification-error", STYLE_AGREEMENT),
        {"training.epochs": 30},
        {"classification-error": 1.60},
        1000,
    ),
    "semi-all": Line(
        "aae-semi-fast",
        ("classification-error", STYLE_AGREEMENT),
        {"training.epochs": 30},
        {"classification-error": 0.85},
    ),
    "clusters-16": Line("aae-clusters-fast", ("cluster-error",), {"clusters": 16}, {"cluster-error": 9.55}),
    "clusters-30": Line("aae-clusters-fast", ("cluster-error",), {"clusters": 30}, {"cluster-error": 4.10}),
    "dimred2-1000": Line(
        "aae-dimred-fast", ("classification-error",), paper={"classification-error": 4.20}, labels=1000
    ),
    "dimred2-100": Line("aae-dimred-fast", ("classification-error",), paper={"classification-error": 6.08}, labels=100),
    "dimred2-unsupervised20": Line(
        "aae-dimred-fast",
        ("cluster-error",),
        {
            "categories": 20,
            "prior.conditional": False,
            "training.players.critic.lr": 3e-4,
            "objective": ["reconstruction", "adversarial-prior", "head-distance"],
        },
        {"cluster-error": 13.95},
    ),
    "dimred10-100": Line(
        "aae-dimred-fast",
        ("classification-error",),
        {
            "style_dim": 10,
            "decoder.heads": "simplex",
            "decoder.scale": 10.0,
            "objective": ["reconstruction", "adversarial-prior", "label-cross-entropy"],
        },
        {"classification-error": 3.90},
        100,
    ),
}


def folder(name: str, seed: int) -> Path:
    """Where a line is trained."""
    return RUNS / f"{name}-{seed}"


def built(line: Line, data: Dataset, seed: int = 0) -> zoo.Model:
    """The line's model, untrained."""
    labels = {} if line.labels is None else {"training.labelled": line.labels}
    return zoo.build(line.recipe, data=data, seed=seed, **line.settings, **labels)


def played(model: zoo.Model) -> dict[str, Any]:
    """How long it is trained, and each player's learning rate: what tells measurements of a line apart."""
    training = model.config["training"]
    return {
        "epochs": training["epochs"],
        "rates": {player: rules["lr"] for player, rules in training["players"].items()},
    }


def run(name: str, seed: int, split: str, deadline: Deadline, results: Results, device: str) -> bool:
    """Train and measure one line; False when the time ran out."""
    line = LINES[name]
    data = zoo.open_dataset("mnist", root=str(data_root()))
    model = built(line, data, seed)
    schedule = played(model)
    if results.has(line=name, seed=seed, split=split, **schedule):
        return True
    trained = zoo.train(
        model,
        data,
        out=folder(name, seed),
        seed=seed,
        device=device,
        resume=True,
        callbacks=[deadline],
        pictures_every=schedule["epochs"],
        validate_every=0,
    )
    if trained.reason != "finished":
        return False
    figures = zoo.evaluate(model, data, list(line.metrics), split=split, device=device)
    results.add(
        line=name,
        seed=seed,
        split=split,
        recipe=line.recipe,
        **schedule,
        labels=line.labels,
        command=f"experiments/aae.py --seed {seed} --lines {name}" + ("" if split == "test" else f" --split {split}"),
        seconds=round(trained.seconds),
        device=device,
        **columns(figures),
    )
    return True


def table(results: Results) -> None:
    """Mean and spread over seeds of what was measured on test images, beside the paper's figures: with the recipe's settings of today,
    else with the last that were measured."""
    data = zoo.open_dataset("mnist", root=str(data_root()))
    print(f"{'line':24}{'figure':28}{'ours':>20}{'paper':>9}  seeds, epochs, minutes a run")
    for name, line in LINES.items():
        measured = [r for r in results.lines if r["line"] == name and r["split"] == "test"]
        today = played(built(line, data))
        last = {key: measured[-1][key] for key in today} if measured else today
        rows = [r for r in measured if r.items() >= today.items()] or [r for r in measured if r.items() >= last.items()]
        for figure in rows[0]["figures"] if rows else ():
            values = [r["figures"][figure] for r in rows]
            paper = f"{line.paper[figure]:.4g}" if figure in line.paper else ""
            seeds, minutes = ", ".join(str(r["seed"]) for r in rows), statistics.mean(r["seconds"] for r in rows) / 60
            about = f"{seeds}; {rows[0]['epochs']}; {minutes:.0f}"
            print(f"{name:24}{figure:28}{f'{statistics.mean(values):.4g}{spread(values)}':>20}{paper:>9}  {about}")


PICTURES: dict[str, tuple[str, Any]] = {
    "aae-figure2-gaussian": ("gaussian", ["codes", "manifold"]),
    "aae-figure2-mixture": ("mixture", ["codes"]),
    "aae-figure2-vae-gaussian": ("vae-gaussian", ["codes"]),
    "aae-figure2-vae-mixture": ("vae-mixture", ["codes"]),
    "aae-figure4-mixture": ("labelled-mixture", ["codes", {"name": "manifold", "components": 3}]),
    "aae-figure4-swiss-roll": ("labelled-swiss-roll", ["codes", "walk"]),
    "aae-figure5": ("likelihood", [{"name": "samples", "nearest": True}]),
    "aae-figure7": ("style", ["style-grid"]),
    "aae-figure9": ("clusters-16", ["clusters"]),
    "aae-figure11-1000": ("dimred2-1000", ["representation"]),
    "aae-figure11-100": ("dimred2-100", ["representation"]),
    "aae-figure11-unsupervised": ("dimred2-unsupervised20", ["representation"]),
    "aae-figure11-simplex": ("dimred10-100", ["representation"]),
}
"""File name to line and plots."""


def pictures(seed: int, where: Path) -> None:
    """The paper's figures, of the lines that are trained."""
    data = zoo.open_dataset("mnist", root=str(data_root()))
    for file, (name, plots) in PICTURES.items():
        if (folder(name, seed) / "model.safetensors").is_file():
            zoo.plot(zoo.load(folder(name, seed)), data, plots, out=where / f"{file}.png", run=folder(name, seed))


def main() -> int:
    """Every line at one seed."""
    parser = arguments(__doc__, table=True)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="draw the paper's figures into DIR, train nothing")
    add_lines(parser, LINES)
    args = parser.parse_args()
    results = Results("aae")
    if args.pictures and not args.table:
        pictures(args.seed, args.pictures)
        return 0
    measure(args, args.lines, lambda line, deadline: run(line, args.seed, args.split, deadline, results, args.device))
    table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
