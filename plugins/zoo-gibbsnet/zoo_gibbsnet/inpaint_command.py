"""zoo inpaint: the rest of images of which a part is known."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.cli import add_data, add_device, add_settings, count, data_settings, parse_settings, whole

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.interfaces import Batch
    from zoo_core.model import Model

SAMPLER = "zoo-gibbsnet:inpaint"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description = (
        "Hide a part of held-out images and fill it in by a chain between codes and images that holds what is known. A row for each image: "
        "itself, what is known of it, and the completions. For every model with an encoder and a decoder."
    )
    parser.epilog = (
        "examples:\n  zoo inpaint runs/gibbsnet-mnist --known right --set steps=20 --out inpaint.png\n"
        "  zoo inpaint runs/vae-digits --known mask.png --chains 8"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", help="a saved model or run folder")
    add_data(parser, "whose images (default: what the run was trained on)")
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), default="test", help="which images (default: test)"
    )
    parser.add_argument("-n", type=count, default=8, metavar="N", help="how many images (default: 8)")
    parser.add_argument(
        "--known",
        default="right",
        metavar="PART|FILE",
        help="what is known: left, right, top, bottom, box (the middle) or frame (all around it), or a picture of the images' size, white "
        "where pixels are known (default: right)",
    )
    parser.add_argument("--chains", type=count, default=4, metavar="K", help="completions of each image (default: 4)")
    add_settings(parser, "steps=50")
    parser.add_argument(
        "--out", type=Path, default=Path("inpainted.png"), metavar="FILE", help="where to (default: inpainted.png)"
    )
    parser.add_argument("--seed", type=whole, default=0, metavar="S", help="same seed, same completions (default: 0)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Hide, fill in, write, say so."""
    from zoo_core.cli import data_of
    from zoo_core.data import Splits
    from zoo_core.devices import processes
    from zoo_core.drawing import grid, save_png
    from zoo_core.errors import SettingError
    from zoo_core.saving import load
    from zoo_gibbsnet.masks import mask_of

    settings = parse_settings(data_settings(args.settings)[1])
    for own, instead in (("known", "--known"), ("name", "zoo sample --sampler")):
        if own in settings:
            raise SettingError(f"--set {own}: no setting of this command", hint=f"use {instead}")
    model = load(args.model, device=processes(args.device).device)
    known = mask_of(args.known, model.image_shape)
    batch = next(Splits(model, data_of(args), batch_size=args.n).batches(args.split))
    completions = _completions(args, model, batch, known, settings)
    rows = [
        [x, known * x + ~known * 0.5, *own]
        for x, own in zip(batch.x.cpu(), completions.cpu().split(args.chains), strict=True)
    ]
    save_png(args.out, grid(_stacked(rows), 2 + args.chains))
    print(f"{len(batch)} images with {args.chains} completion{'s' * (args.chains > 1)} each in {args.out}")
    return 0


def _completions(
    args: argparse.Namespace, model: Model, batch: Batch, known: Tensor, settings: dict[str, object]
) -> Tensor:
    """``--chains`` of each image, one image after the other."""
    from zoo_gibbsnet.chain import labels_to_hold
    from zoo_gibbsnet.samplers.inpaint import Inpaint

    sampler = model.sampler({"name": SAMPLER, **settings, "keep": 0})
    assert isinstance(sampler, Inpaint)
    sampler.mask = known
    y = labels_to_hold(model, batch)
    repeated = [None if t is None else t.repeat_interleave(args.chains, 0) for t in (batch.x, y)]
    return model.sample(len(batch) * args.chains, sampler, seed=args.seed, x=repeated[0], y=repeated[1])


def _stacked(rows: list[list[Tensor]]) -> Tensor:
    import torch

    return torch.stack([picture for row in rows for picture in row])
