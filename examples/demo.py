"""The demo: a VAE and a discriminatively regularised VAE on real digits, the same budget, side by side.

Takes about two minutes on two CPU cores. Pictures go to ``demo/``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import torch
import zoo_discreg

import zoo_core as zoo
from zoo_core.data import evaluation_batches, open_dataset, open_source
from zoo_core.drawing.grids import grid, save_png

MODELS = ("vae", "discreg-vae")


def main() -> int:
    """Train both, measure both, draw both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=25, help="passes over the 1,297 training digits (default: 25)")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for runs and pictures (default: demo)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.out.exists():
        shutil.rmtree(args.out)

    table: list[tuple[str, dict[str, float]]] = []
    rows: dict[str, torch.Tensor] = {}
    x = next(iter(evaluation_batches(open_source(open_dataset("digits").split("test"), device="cpu"), 12))).x
    rows["digits"] = x
    for name in MODELS:
        print(f"\n{name}: training on digits, {args.epochs} epochs")
        model = zoo.build(name, data="digits", latent_dim=10, seed=args.seed)
        run = zoo.train(
            model, data="digits", epochs=args.epochs, out=args.out / name, seed=args.seed, pictures_every=args.epochs
        )
        extractor = {"name": "feature-error", "extractor": "digit-classifier"}
        figures = {f.name: f.value for f in zoo.evaluate(model, "digits", ["reconstruction", extractor])}
        rate = run.rounds * model.config["training"]["batch_size"] / run.seconds
        table.append((name, {**figures, "images/s": rate}))
        rows[name] = model.reconstruct(x)
        # The authors' stage after training: batch norm for prior draws, and the encoder for that decoder.
        zoo_discreg.adjust(model, "digits", seed=args.seed)
        model.save(args.out / name)
        save_png(args.out / f"{name}-samples.png", grid(model.sample(64, seed=1), 16))
        walk = {"name": "interpolation", "steps": 10}
        save_png(args.out / f"{name}-walk.png", grid(model.sample(40, walk, x=x, seed=1), 10))
    save_png(args.out / "reconstructions.png", grid(torch.cat(list(rows.values())), len(x)), enlarge=2)

    columns = list(table[0][1])
    print("\nheld-out digits".ljust(18) + "".join(c.rjust(max(len(c), 9) + 3) for c in columns))
    for name, values in table:
        print(name.ljust(17) + "".join(f"{values[c]:.4g}".rjust(max(len(c), 9) + 3) for c in columns))
    print(f"\nPictures: {args.out}/reconstructions.png (top: digits, then {', '.join(MODELS)}),")
    print(f"          {args.out}/*-samples.png, {args.out}/*-walk.png")
    print(f"Go on:    .venv/bin/zoo sample {args.out}/discreg-vae -n 64 --out samples.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
