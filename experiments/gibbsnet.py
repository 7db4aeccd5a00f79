"""GibbsNet and ALI: the figures of the thesis's chapter 3 that can be measured here (Lamb 2018, section 3.6).

Each line is a model, trained on the 50,000 training images of MNIST (CIFAR-10 and CelebA where its name says so), and measured on the
split's images:

- how well a classifier reads the class off codes, drawn once from q(z given x), and off their means (the thesis's 97.7 against 91 %);
- what becomes of 500 chains over 5,000 steps, after a training with 3;
- completions of images whose right half is known.

``ali`` has the nets, the posterior, the rates and the rounds of ``gibbsnet``; ``ali-time`` as much time; ``ali-plain`` the Gaussian
posterior and the loss of ALI's paper. A ``vae``, an ``untrained`` encoder and raw ``pixels`` stand beside them. What judges pictures are
the lines ``classifier`` and ``celeba-judge``; that one and ``gibbsnet-celeba`` each see half of the people.

    python experiments/gibbsnet.py --seed 0 --minutes 60 --lines classifier gibbsnet ali ali-time
    python experiments/gibbsnet.py --table                           # what has been measured so far
    python experiments/gibbsnet.py --pictures docs/models/images     # chains, inpainting and codes, from the runs of --seed
    python experiments/gibbsnet.py --quick --lines classifier gibbsnet ali      # minutes a line: narrow nets, short, results of their own
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, cast

import torch
from bench import Deadline, Results, add_lines, arguments, columns, data_root, measure, spread
from torch import Tensor
from torch.nn.functional import one_hot

import zoo_core as zoo
from zoo_core.data.splits import Splits
from zoo_core.distributions import posterior_family
from zoo_core.drawing.grids import grid, save_png
from zoo_core.interfaces import Dataset, Encoder, ImageShape, Labels, MetricResult, Split
from zoo_core.interfaces.dataset import SplitName

RUNS = Path("runs") / "gibbsnet"
JUDGE = "classifier"
JUDGES = (JUDGE, "celeba-judge")
RESNET = "cifar-resnet56"
"""Judges pictures of CIFAR-10, with its published weights."""


@dataclass(frozen=True)
class Scale:
    """How much is trained and measured.

    Arguments:
        epochs: passes over MNIST.
        width: units of the hidden layers of fully connected nets.
        fitted: codes that a probe is fitted to.
        steps: of 500 chains; the last is how far those go that a FID is measured of, and 20.
        drawn: chains for a FID.
        completed: images that are completed, and completions of each.
    """

    epochs: int
    width: int
    fitted: int
    steps: tuple[int, ...]
    drawn: int
    completed: tuple[int, int]


SCALES = {
    "whole": Scale(30, 1024, 50_000, (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000), 10_000, (1000, 32)),
    "quick": Scale(6, 256, 10_000, (1, 2, 3, 5, 20, 100, 500), 1000, (500, 16)),
}
THREE = (0, 1, 9)
"""The digits of Figure 3.3."""

RATES = {"training.players.discriminator.lr": 3e-4, "training.players.generator.lr": 3e-4}
TUNED: dict[str, Any] = {**RATES, "objective.gibbsnet.loss": "bgan-squared"}
"""From a few short runs with seed 0; a grid on validation digits, for each model by itself, is still to be run."""

PROBES: tuple[dict[str, Any], ...] = tuple(
    {"name": "probe", "classifiers": ["mlp"], "codes": codes} for codes in ("sample", "mean")
)
JUDGED: tuple[dict[str, Any], ...] = (
    {"name": "chain", "chains": 500},
    {"name": "chain", "features": JUDGE},
    {"name": "inpainting", "steps": 20, "judge": JUDGE, "features": JUDGE},
)
CIFAR: tuple[dict[str, Any], ...] = (
    *PROBES,
    {"name": "inception-score", "features": RESNET},
    {"name": "fid", "features": RESNET},
    {"name": "inpainting", "known": "left", "steps": 4, "judge": RESNET, "features": RESNET},
)
ATTRIBUTES: tuple[dict[str, Any], ...] = (
    {"name": "attribute-error", "steps": 20, "chains": 16, "judge": "celeba-judge", "clamped": ["Male", "Smiling"]},
)


@dataclass(frozen=True)
class Line:
    """One model.

    Arguments:
        recipe, settings: as ``zoo train`` takes them; ``pixels`` and ``untrained`` train nothing.
        metrics: what is measured of it.
        data: which images.
        epochs: as a share of the scale's.
        thesis: figure to the thesis's value of it.
        depth: hidden layers of a fully connected encoder.
    """

    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[Mapping[str, Any], ...] = (*PROBES, *JUDGED)
    data: Literal["mnist", "three", "labels", "cifar10", "celeba", "celeba-others"] = "mnist"
    epochs: float = 1.0
    thesis: Mapping[str, float] = field(default_factory=dict)
    depth: int = 2


PLAIN = {"encoder.posterior": "gaussian", "objective.gibbsnet.loss": "gan"}
DETERMINISTIC = {"decoder.likelihood": "gaussian", "decoder.sigma": "fixed"}
BLIND = {"discriminator.sees_code": False}
WEIGHED = {
    "objective.gibbsnet.loss": "bgan",
    "objective.gibbsnet.attribute_draws": 30,
    "objective.gibbsnet.attribute_weight": 5.0,
}
"""With fewer draws, and the squared loss, six epochs of digits taught the decoder nothing about labels but their frequency."""
JOINT = {"encoder.conditional": True, "decoder.attributes": True, "discriminator.conditional": True, **WEIGHED}
FACES = {"classifier": {"name": "celeba-classifier", "layers": ["logits"]}, "objective": ["attribute-bce"]}
PLANE = {**TUNED, "latent_dim": 2}
LINES: dict[str, Line] = {
    JUDGE: Line("classifier", metrics=({"name": "accuracy"},), epochs=0.34),
    "gibbsnet": Line("gibbsnet", TUNED, thesis={"probe-mlp": 97.7}),
    "gibbsnet-noise": Line(
        "gibbsnet", {**TUNED, "objective.gibbsnet.instance_noise": 0.2, "discriminator.dropout": 0.2}
    ),
    "gibbsnet-bounded": Line(
        "gibbsnet", {**TUNED, "encoder.sigma_bounds": [0.3, 1.0], "objective.gibbsnet.instance_noise": 0.2}
    ),
    "ali": Line("ali", TUNED, thesis={"probe-mlp": 91.0}),
    "ali-time": Line("ali", TUNED, thesis={"probe-mlp": 91.0}),
    "ali-plain": Line("ali", {**TUNED, **PLAIN}, thesis={"probe-mlp": 91.0}),
    "vae": Line("vae-mlp", {"latent_dim": 128}),
    "untrained": Line("gibbsnet", TUNED, PROBES),
    "pixels": Line("pixels", metrics=PROBES[1:]),
    **{
        f"{recipe}-z{width}": Line(recipe, {**TUNED, "latent_dim": width}, PROBES)
        for recipe in ("gibbsnet", "ali")
        for width in (8, 2)
    },
    **{f"ali-depth{depth}": Line("ali", TUNED, PROBES, depth=depth) for depth in (4, 6, 8)},
    "figure3.3-a": Line("gibbsnet", {**PLANE, **DETERMINISTIC, **BLIND}, (), "three"),
    "figure3.3-b": Line("gibbsnet", {**PLANE, **BLIND}, (), "three"),
    "figure3.3-c": Line("ali", PLANE, (), "three"),
    "figure3.3-f": Line("gibbsnet", {**PLANE, **DETERMINISTIC}, (), "three"),
    "figure3.3-g": Line("gibbsnet", PLANE, (), "three"),
    "gibbsnet-cifar": Line("gibbsnet-conv", TUNED, CIFAR, "cifar10"),
    "ali-cifar": Line("ali-conv", TUNED, CIFAR, "cifar10"),
    "gibbsnet-labels": Line(
        "gibbsnet", {**TUNED, **JOINT}, ({"name": "attribute-error", "steps": 20, "chains": 16},), "labels"
    ),
    "celeba-judge": Line("classifier", FACES, metrics=({"name": "accuracy"},), data="celeba-others"),
    "gibbsnet-celeba": Line("gibbsnet-attributes", {**TUNED, **WEIGHED}, ATTRIBUTES, "celeba", epochs=4),
}


class Three(Dataset):
    """The digits 0, 1 and 9 of MNIST (Figure 3.3)."""

    def __init__(self, whole: Dataset) -> None:
        self.whole = whole
        self.name, self.image_shape, self.labels = whole.name, whole.image_shape, whole.labels

    def split(self, name: SplitName) -> Split:
        whole = self.whole.split(name)
        assert whole.y is not None
        return whole.subset([i for i, y in enumerate(whole.y.tolist()) if y in THREE])


class AsAttributes(Dataset):
    """MNIST whose ten classes are attributes, one of which each image has."""

    def __init__(self, whole: Dataset) -> None:
        self.whole, self.name, self.image_shape = whole, whole.name, whole.image_shape
        self.labels = Labels("attributes", whole.labels.names)

    def split(self, name: SplitName) -> Split:
        whole = self.whole.split(name)
        assert whole.y is not None
        return Split(whole.x, attributes=one_hot(whole.y, self.labels.count).to(torch.int8))


class Half(Dataset):
    """A data set whose training images are those of half of the people: of even numbers, or of odd ones."""

    def __init__(self, whole: Dataset, odd: bool) -> None:
        self.whole, self.odd = whole, odd
        self.name, self.image_shape, self.labels = whole.name, whole.image_shape, whole.labels

    def split(self, name: SplitName) -> Split:
        whole = self.whole.split(name)
        if name != "train":
            return whole
        assert whole.groups is not None
        return whole.subset([i for i, person in enumerate(whole.groups.tolist()) if person % 2 == self.odd])


class Pixels(Encoder):
    """Codes are the pixels."""

    def __init__(self, image_shape: ImageShape) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.family = posterior_family("deterministic", image_shape[0] * image_shape[1] * image_shape[2])

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return x.flatten(1)


def pixels(data: Dataset) -> zoo.Model:
    """A model that encodes an image as itself."""
    labels = {"type": data.labels.type, "names": list(data.labels.names)}
    config = {
        "recipe": "pixels",
        "image_shape": list(data.image_shape),
        "labels": labels,
        "sampler": "",
        "parts": {"encoder": {"kind": "encoder", "name": "pixels"}},
        "training": {"epochs": 0, "players": {}},
    }
    return zoo.Model(config, {"encoder": Pixels(data.image_shape)}, {})


def data_of(line: Line) -> Dataset:
    """The line's images."""
    name = {"three": "mnist", "labels": "mnist", "celeba-others": "celeba"}.get(line.data, line.data)
    data = zoo.open_dataset(name, root=str(data_root()))
    if line.data == "three":
        return Three(data)
    if line.data == "labels":
        return AsAttributes(data)
    return Half(data, odd=line.data == "celeba-others") if name == "celeba" else data


def folder(name: str, seed: int, scale: str) -> Path:
    """Where a line is trained."""
    return RUNS / f"{name}-{scale}-{seed}"


def settings_of(line: Line, scale: Scale) -> dict[str, Any]:
    """The line's settings, with the scale's widths."""
    width = scale.width
    nets = {"encoder.hidden": [width] * line.depth, "decoder.hidden": [width] * 2}
    judge = {
        "discriminator.net.hidden": [width],
        "discriminator.code_hidden": [width // 2],
        "discriminator.hidden": [width // 2] * 2,
    }
    widths = {"ali": {**nets, **judge}, "gibbsnet": {**nets, **judge}, "vae-mlp": nets}.get(line.recipe, {})
    return {**widths, **line.settings}


def epochs_of(name: str, seed: int, scale: str, results: Results) -> int | None:
    """How long the line is trained, None where that has to be measured first: ``ali-time`` takes as long as ``gibbsnet`` did."""
    epochs = SCALES[scale].epochs
    if name != "ali-time":
        return max(1, round(LINES[name].epochs * epochs))
    seconds = {r["line"]: r["seconds"] for r in results.lines if (r["seed"], r["scale"]) == (seed, scale)}
    known = {"gibbsnet", "ali"} <= seconds.keys()
    return round(epochs * seconds["gibbsnet"] / max(seconds["ali"], 1)) if known else None


def judges_of(line: Line, seed: int, scale: str) -> dict[str, Path]:
    """The lines that judge this one, and the folders that they are trained in."""
    named = {str(metric[key]) for metric in line.metrics for key in ("judge", "features") if key in metric}
    return {name: folder(name, seed, scale) for name in JUDGES if name in named}


def asked_of(metric: Mapping[str, Any], scale: Scale) -> dict[str, Any]:
    """A line's metric, with the scale's numbers."""
    images, chains = scale.completed
    sized: dict[str, dict[str, Any]] = {
        "probe": {"examples": scale.fitted},
        "chain": {"steps": [20, scale.steps[-1]], "chains": scale.drawn}
        if "features" in metric
        else {"steps": list(scale.steps)},
        "inpainting": {"images": images, "chains": chains},
    }
    return {**sized.get(metric["name"], {}), **metric}


def measured(
    model: zoo.Model, data: Dataset, metric: Mapping[str, Any], judges: Mapping[str, Path], args: Any
) -> Iterator[MetricResult]:
    """The figures of one metric; probes of means, and chains that were looked at for their FID, under names of their own."""
    known: dict[Any, Any] = {name: str(where) for name, where in judges.items()}
    known[RESNET] = {"name": RESNET, "weights": str(data_root() / "weights" / "cifar10_resnet56.safetensors")}
    sized = asked_of(metric, SCALES[args.scale])
    asked = {key: known[value] if key in ("judge", "features") else value for key, value in sized.items()}
    for figure in zoo.evaluate(model, data, [asked], split=args.split, seed=args.seed, device=args.device):
        if metric["name"] == "probe" and metric["codes"] == "mean":
            yield replace(figure, name=f"{figure.name}-mean")
        elif metric["name"] != "chain" or "features" not in metric or "fid" in figure.name:
            yield figure


def settle(model: zoo.Model, data: Dataset) -> None:
    """Running statistics of an encoder that is not trained: those that standardise its codes, and batch norm's."""
    encoder = cast(Encoder, model.parts["encoder"]).train()
    with torch.no_grad():
        for batch in islice(Splits(model, data, batch_size=100).batches("train"), 200):
            encoder.posterior(batch.x)
    encoder.eval()


def run(name: str, args: Any, deadline: Deadline, results: Results) -> bool:
    """Train and measure one line; False when the time ran out."""
    line, seed = LINES[name], args.seed
    epochs = epochs_of(name, seed, args.scale, results)
    if epochs is None:
        print(f"{name}: needs the times of gibbsnet and ali first")
        return True
    if results.has(line=name, seed=seed, split=args.split, scale=args.scale):
        return True
    judges = judges_of(line, seed, args.scale)
    missing = [judge for judge, where in judges.items() if not (where / "model.safetensors").is_file()]
    if missing:
        print(f"{name}: needs the line {missing[0]} first")
        return True
    data = data_of(line)
    settings = {**settings_of(line, SCALES[args.scale]), "training.epochs": epochs}
    model = pixels(data) if line.recipe == "pixels" else zoo.build(line.recipe, data=data, seed=seed, **settings)
    seconds = 0.0
    if name == "untrained":
        settle(model, data)
    elif name != "pixels":
        trained = zoo.train(
            model,
            data,
            out=folder(name, seed, args.scale),
            seed=seed,
            device=args.device,
            resume=True,
            callbacks=[deadline],
            pictures_every=epochs,
            validate_every=0,
        )
        if trained.reason != "finished":
            return False
        seconds = trained.seconds
    figures = [figure for metric in line.metrics for figure in measured(model, data, metric, judges, args)]
    quick = " --quick" if args.scale == "quick" else ""
    results.add(
        line=name,
        seed=seed,
        split=args.split,
        scale=args.scale,
        epochs=epochs,
        recipe=line.recipe,
        settings=settings,
        command=f"experiments/gibbsnet.py --seed {seed}{quick} --lines {name} --split {args.split}",
        seconds=round(seconds),
        device=args.device,
        **columns(figures),
    )
    return True


def table(results: Results) -> None:
    """Mean and spread over seeds, for each scale that was measured, beside the thesis's figures."""
    print(f"{'line':18}{'figure':30}{'ours':>20}{'thesis':>8}  scale; epochs; seeds; minutes a run")
    for scale in SCALES:
        for name, line in LINES.items():
            rows = [r for r in results.lines if (r["line"], r["scale"], r["split"]) == (name, scale, "test")]
            for figure in rows[0]["figures"] if rows else ():
                values = [r["figures"][figure] for r in rows]
                thesis = f"{line.thesis[figure]:.4g}" if figure in line.thesis else ""
                seeds, minutes = (
                    ", ".join(str(r["seed"]) for r in rows),
                    statistics.mean(r["seconds"] for r in rows) / 60,
                )
                about = f"{scale}; {rows[0]['epochs']}; {seeds}; {minutes:.0f}"
                print(f"{name:18}{figure:30}{f'{statistics.mean(values):.4g}{spread(values)}':>20}{thesis:>8}  {about}")


PLOTS: dict[str, tuple[str, list[Any]]] = {
    f"gibbsnet-{name.replace('.', '')}": (name, [{"name": "chain-codes", "codes": 2000}])
    for name in LINES
    if name.startswith("figure")
}
"""File name to line and plots."""


def pictures(seed: int, scale: str, where: Path) -> None:
    """Chains, completions and codes of the lines that are trained."""
    for file, (name, plots) in PLOTS.items():
        run = folder(name, seed, scale)
        if (run / "model.safetensors").is_file():
            zoo.plot(zoo.load(run), data_of(LINES[name]), plots, out=where / f"{file}.png", run=run)
    for name in ("gibbsnet", "ali", "gibbsnet-cifar", "ali-cifar"):
        run = folder(name, seed, scale)
        if not (run / "model.safetensors").is_file():
            continue
        model = zoo.load(run)
        chains = model.samples(10, {"name": "gibbs-chain", "steps": 20}, seed=seed).trace
        save_png(where / f"{name}-chain.png", grid(chains.transpose(0, 1).flatten(0, 1), 20))
        x = next(Splits(model, data_of(LINES[name]), batch_size=8).batches("test")).x
        filled = model.sample(32, {"name": "inpaint", "steps": 20}, seed=seed, x=x.repeat_interleave(4, 0)).unflatten(
            0, (8, 4)
        )
        save_png(where / f"{name}-inpainting.png", grid(torch.cat([x[:, None], filled], 1).flatten(0, 1), 5))


def main() -> int:
    """Every line at one seed."""
    parser = arguments(__doc__, table=True)
    parser.add_argument(
        "--quick",
        dest="scale",
        action="store_const",
        const="quick",
        default="whole",
        help="narrow nets, few epochs and examples",
    )
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="draw chains, completions and codes into DIR, train nothing"
    )
    add_lines(parser, LINES)
    args = parser.parse_args()
    results = Results("gibbsnet")
    if args.pictures and not args.table:
        pictures(args.seed, args.scale, args.pictures)
        return 0
    measure(args, args.lines, lambda name, deadline: run(name, args, deadline, results))
    table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
