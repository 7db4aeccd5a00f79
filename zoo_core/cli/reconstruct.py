"""zoo reconstruct: images over their reconstructions."""

from __future__ import annotations

import argparse
from pathlib import Path

from zoo_core.cli.values import add_data, add_device, add_settings, count, refuse_all_but_data


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.description = "Write a picture of held-out images, each row above its reconstructions."
    parser.add_argument("model", help="a saved model or run folder")
    add_data(parser, "whose images (default: what the run was trained on)")
    add_settings(parser, "data.KEY=VALUE of the data set")
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), default="test", help="which images (default: test)"
    )
    parser.add_argument("-n", type=count, default=32, metavar="N", help="how many (default: 32)")
    parser.add_argument("--columns", type=count, default=8, metavar="N", help="images in a row (default: 8)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("reconstructions.png"),
        metavar="FILE",
        help="where to (default: reconstructions.png)",
    )
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Reconstruct, write, say so."""
    from zoo_core.cli.evaluate import data_of
    from zoo_core.cli.images import refuse_without_pictures
    from zoo_core.data.labels import labels_for
    from zoo_core.data.splits import Splits
    from zoo_core.devices.process import processes
    from zoo_core.drawing.grids import beside, grid, save_png
    from zoo_core.saving import load

    refuse_all_but_data(args.settings)
    model = load(args.model, device=processes(args.device).device)
    refuse_without_pictures(model, "zoo reconstruct")
    splits = Splits(model, data_of(args), batch_size=args.n)
    batch = next(splits.batches(args.split))
    reconstructions = model.reconstruct(batch.x, labels_for(model, batch, "encoder", "decoder"))
    save_png(args.out, grid(*beside(batch.x, reconstructions, columns=args.columns)))
    print(f"{len(batch)} images over their reconstructions in {args.out}")
    return 0
