"""zoo plot: figures of a saved model for people."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.cli.values import add_data, add_device, add_settings, count, data_settings, settings_by_name, whole

if TYPE_CHECKING:
    from zoo_core.interfaces import Dataset


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.description = "Draw plots of a saved model, side by side in one figure."
    parser.epilog = (
        "examples:\n  zoo plot runs/aae2d --what codes,manifold --out codes.png\n"
        "  zoo plot runs/aae2d --what codes --set codes.examples=5000 --data mnist --out codes.pdf\n"
        "  zoo plot runs/aae2d --what curves --out curves.svg"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", help="a saved model or run folder")
    parser.add_argument(
        "--what", action="append", default=[], metavar="NAMES", help="see zoo list --kind plot; several with commas"
    )
    add_settings(parser, "codes.examples=5000")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("plot.png"),
        metavar="FILE",
        help="where to; .png, .pdf or .svg (default: plot.png)",
    )
    add_data(parser, "plotted on what (default: what the run was trained on)")
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), default="test", help="which examples (default: test)"
    )
    parser.add_argument("--limit", type=count, metavar="N", help="only the first N examples")
    parser.add_argument("--seed", type=whole, default=0, metavar="S", help="of all draws (default: 0)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Draw, write, say so."""
    from zoo_core.evaluation.plots import plot, writable
    from zoo_core.saving import load
    from zoo_core.storage.files import expanded, is_folder

    of_data, others = data_settings(args.settings)
    plots = settings_by_name((name for names in args.what for name in names.split(",") if name), others, "plot")
    writable(args.out)  # before the model is loaded
    folder = expanded(args.model)
    model = load(args.model)
    data, root = _data(args, needed=bool(of_data))
    plot(
        model,
        data,
        plots,
        out=args.out,
        split=args.split,
        limit=args.limit,
        seed=args.seed,
        device=args.device,
        data_root=root,
        run=folder if is_folder(folder) else None,
    )
    names = ", ".join(one["name"] for one in plots)
    print(f"{names} in {args.out}")
    return 0


def _data(args: argparse.Namespace, *, needed: bool) -> tuple[Dataset | None, str | None]:
    """The data asked for, else the run's, if it says which, and where data sets lie: there are plots that need none, unless it is
    ``needed``."""
    from zoo_core.cli.evaluate import data_and_root
    from zoo_core.errors import RunError

    try:
        return data_and_root(args)
    except RunError:
        if needed:
            raise
        return None, args.data_root
