"""zoo eval: figures of a saved model."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.cli.values import add_data, add_device, add_settings, count, data_settings, settings_by_name, whole

if TYPE_CHECKING:
    from zoo_core.interfaces import Dataset, MetricResult


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.description = "Measure a saved model on held-out data."
    parser.epilog = (
        "examples:\n"
        "  zoo eval runs/vae-digits --metric nll --metric reconstruction --set nll.draws=500\n"
        "  zoo eval runs/vae-digits --metric fid --metric kid --set metric.features=digit-classifier"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", help="a saved model or run folder")
    add_data(parser, "measured on what (default: what the run was trained on)")
    parser.add_argument(
        "--metric", action="append", default=[], metavar="NAME", help="see zoo list --kind metric; repeatable"
    )
    add_settings(
        parser, "nll.draws=500, or metric.features=digit-classifier for every metric that has it, or data.KEY=VALUE"
    )
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), default="test", help="which examples (default: test)"
    )
    parser.add_argument("--limit", type=count, metavar="N", help="only the first N examples")
    parser.add_argument("--batch-size", type=count, default=250, metavar="N", help="examples at a time (default: 250)")
    parser.add_argument("--seed", type=whole, default=0, metavar="S", help="of all draws (default: 0)")
    parser.add_argument("--json", action="store_true", help="print JSON, with each figure's protocol")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON there too")
    parser.add_argument("--no-save", action="store_true", help="leave the model's metrics.json as it is")
    add_device(parser)


def data_of(args: argparse.Namespace) -> Dataset:
    """The data set asked for, else the one that the run was trained on; ``--set data.KEY`` goes before the run's own settings."""
    return data_and_root(args)[0]


def data_and_root(args: argparse.Namespace) -> tuple[Dataset, str | None]:
    """As :func:`data_of`, and where data sets lie."""
    from zoo_core.data import open_dataset
    from zoo_core.errors import RunError, shown
    from zoo_core.storage.files import expanded
    from zoo_core.training.run import read_run

    given, _ = data_settings(getattr(args, "settings", ()))  # not every command that looks at data has --set
    if args.data:
        return open_dataset(args.data, root=args.data_root, settings=given), args.data_root
    try:
        about = read_run(expanded(args.model))
    except RunError:
        about = {"data": None}
    if about["data"] is None:
        raise RunError(f"{shown(args.model)} does not say what it was trained on", hint="name the data: --data digits")
    root = args.data_root or about["data_root"]
    return open_dataset(about["data"], root=root, settings={**about["data_settings"], **given}), root


def run(args: argparse.Namespace) -> int:
    """Measure, print, and keep the figures beside the weights."""
    from zoo_core.evaluation.metrics import evaluate
    from zoo_core.evaluation.results import as_table
    from zoo_core.saving import load
    from zoo_core.storage.files import write_json

    metrics = settings_by_name(args.metric, data_settings(args.settings)[1], "metric")
    model = load(args.model)
    data, root = data_and_root(args)
    figures = evaluate(
        model,
        data,
        metrics,
        split=args.split,
        limit=args.limit,
        batch_size=args.batch_size,
        seed=args.seed,
        device=args.device,
        data_root=root,
    )
    listed = [as_table(figure) for figure in figures]
    if args.json:
        print(json.dumps(listed, indent=2, allow_nan=False))
    else:
        _print(figures)
    if not args.no_save:
        _keep(args.model, figures)
    if args.out:  # last, so that a file that cannot be written costs nobody the figures
        write_json(args.out, listed)
    return 0


def _keep(model: str, figures: Sequence[MetricResult]) -> None:
    """Write ``figures`` beside the weights they are of; where that cannot be done, say so and go on."""
    from zoo_core.errors import ZooError, shown
    from zoo_core.evaluation.results import RESULTS_FILE, add_results
    from zoo_core.storage.files import expanded, is_folder

    folder = expanded(model)
    if not is_folder(folder):
        return
    try:
        add_results(folder, figures)
    except ZooError as error:
        print(f"zoo: the figures are not kept in {RESULTS_FILE}: {shown(error.what, 1000)}", file=sys.stderr)


def _print(figures: Sequence[MetricResult]) -> None:
    from zoo_core.evaluation.results import resting_on

    widest = max(len(figure.name) for figure in figures) if sys.stdout.isatty() else 0
    separator = "  " if sys.stdout.isatty() else "\t"
    for figure in figures:
        value = f"{figure.value:.5g}" + (f" ± {figure.std:.2g}" if figure.std is not None else "")
        better = {"higher": "higher is better", "lower": "lower is better"}.get(figure.better, "")
        print(separator.join([figure.name.ljust(widest), value, figure.unit, better, resting_on(figure)]).rstrip())
    for warning in dict.fromkeys(str(f.protocol["warning"]) for f in figures if "warning" in f.protocol):
        print(f"zoo: {warning}", file=sys.stderr)
