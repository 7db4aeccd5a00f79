"""zoo sample: pictures from a saved model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.cli.values import add_data, add_device, add_settings, count, data_settings, parse_settings, whole

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.interfaces import Sampler
    from zoo_core.model import Model

PICTURES = 64
"""How many are drawn where nobody says."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.description = "Draw pictures from a saved model into one PNG file."
    parser.epilog = (
        "examples:\n  zoo sample runs/vae-digits -n 64 --out samples.png\n"
        "  zoo sample runs/vae-digits --sampler interpolation --set mode=spherical --data digits --out walk.png"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", help="a saved model or run folder")
    parser.add_argument(
        "-n", type=count, metavar="N", help="how many pictures (default: 64, or as many of them as fill whole rows)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("samples.png"), metavar="FILE", help="where to (default: samples.png)"
    )
    parser.add_argument("--sampler", metavar="NAME", help="see zoo list --kind sampler (default: the recipe's)")
    add_settings(parser, "steps=12")
    add_data(parser, "images for samplers that start from some")
    parser.add_argument(
        "--label",
        action="append",
        metavar="Y",
        help="draw this class, by number or name, for models that take labels; repeatable",
    )
    parser.add_argument("--columns", type=count, metavar="N", help="pictures in a row")
    parser.add_argument("--seed", type=whole, default=0, metavar="S", help="same seed, same pictures (default: 0)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Sample, write, say so."""
    from zoo_core.cli.evaluate import data_of
    from zoo_core.data.splits import Splits
    from zoo_core.errors import SettingError
    from zoo_core.pictures import grid, save_png
    from zoo_core.saving import load
    from zoo_core.training.processes import processes

    of_data, others = data_settings(args.settings)
    n = args.n or PICTURES
    model = load(args.model, device=processes(args.device).device)
    sampler = model.sampler({"name": args.sampler or model.config["sampler"], **parse_settings(others)})
    conditions: dict[str, Any] = {}
    if args.data and "x" not in sampler.conditions:
        raise SettingError(f"--data: {type(sampler).__name__} starts from no images", hint="leave it out, or --sampler interpolation")
    if args.data or ("x" in sampler.conditions and "prior" not in model.parts):
        # Without a prior a sampler can only start from images: those of the run's own data.
        splits = Splits(model, data_of(args), batch_size=n)
        conditions["x"] = next(splits.batches("test")).x
    elif of_data:
        raise SettingError("--set data.KEY: no data are looked at here", hint="name them: --data digits")
    if args.label:
        labels = _labels(model, sampler, args.label)
        conditions["y"] = labels.repeat(-(-n // len(labels)))[:n]
    samples = model.samples(n, sampler, seed=args.seed, **conditions)
    columns = args.columns or samples.columns
    short = 0 if args.n or columns is None or columns > n else n % columns
    pictures = samples.x[: n - short]
    save_png(args.out, grid(pictures, columns))
    print(f"{len(pictures)} pictures in {args.out}")
    return 0


def _labels(model: Model, sampler: Sampler, asked: list[str]) -> Tensor:
    """The classes asked for, once each.

    Raises:
        SettingError: labels that would change nothing, or that the model does not know.
    """
    from zoo_core.errors import SettingError
    from zoo_core.given import as_labels

    classes = sampler.classes(model) if "y" in sampler.conditions else 0
    if not classes:
        raise SettingError(f"this {model.recipe} takes no labels", hint="leave --label out")
    return as_labels(asked, model.labels, len(asked), classes=classes, what="--label", unknown=False)
