"""zoo adjust: the stage after training, on a saved model."""

from __future__ import annotations

import argparse
from pathlib import Path

from zoo_core.cli import add_data, add_device, add_settings, count, whole


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description = (
        "Re-estimate the decoder's batch-norm statistics from prior draws and fine-tune the encoder on the plain ELBO, "
        "as the authors of discriminative regularization do after training. The saved model stays as it is."
    )
    parser.epilog = "example: zoo adjust runs/discreg-vae-cifar10 --out runs/adjusted"
    parser.add_argument("model", help="a saved model or run folder")
    add_data(parser, "what it was trained on (default: what the run says)")
    add_settings(parser, "data.KEY=VALUE of the data set")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to (default: MODEL-adjusted)")
    parser.add_argument("--epochs", type=count, default=1, metavar="N", help="passes over the data (default: 1)")
    parser.add_argument("--batch-size", type=count, default=100, metavar="N", help="examples a batch (default: 100)")
    parser.add_argument(
        "--lr", type=float, default=1e-3, metavar="LR", help="the encoder's learning rate (default: 0.001)"
    )
    parser.add_argument("--seed", type=whole, default=0, metavar="S", help="of the order and all draws (default: 0)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Load, adjust, save, say so."""
    from zoo_core.cli import data_of, refuse_all_but_data
    from zoo_core.errors import RunError, SettingError, shown
    from zoo_core.saving import load
    from zoo_core.storage import expanded, is_folder
    from zoo_discreg.adjustment import adjust

    refuse_all_but_data(args.settings)
    if not args.lr > 0:
        raise SettingError(f"--lr should be above 0, got {args.lr}")
    model = load(args.model)
    beside = expanded(args.model) if is_folder(expanded(args.model)) else Path(Path(args.model).name)
    out = expanded(args.out) if args.out else beside.with_name(f"{beside.name}-adjusted")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{shown(out)} is there and not empty", hint="choose another folder with --out")
    settings = {"epochs": args.epochs, "batch_size": args.batch_size, "lr": args.lr, "seed": args.seed}
    adjust(model, data_of(args), device=args.device, **settings).save(out)
    print(f"adjusted model in {out}; look at it: zoo sample {out} -n 64 --out samples.png")
    return 0
