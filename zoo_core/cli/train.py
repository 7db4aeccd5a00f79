"""zoo train: build a recipe and train it."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from zoo_core.cli.values import add_data, add_device, add_settings, count, data_settings, parse_settings, whole

if TYPE_CHECKING:
    from zoo_core.interfaces import Dataset, Part
    from zoo_core.model import Model
    from zoo_core.training import Run

EXAMPLES = """examples:
  zoo train vae                                             on the embedded digits, into runs/vae-digits
  zoo train discreg-vae --data cifar10 --data-root ~/data --set classifier=cifar-resnet20
  zoo train vae --data folder:photos --set image_size=64 --set encoder=resnet --set decoder=resnet
  zoo train vae --data 'celeba:Goatee|Mustache|!No_Beard' --set data.negatives=1 --set data.flip=true
  zoo train vae --set objective='["elbo","discreg"]' --set classifier=timm/resnet18
  zoo train --resume --out runs/vae-digits                  go on with a run that was stopped

Ctrl-C writes a checkpoint and stops; --resume goes on as if nothing had happened.
zoo info RECIPE lists every setting."""
LONGEST_NAME = 120
"""Bytes of the default run folder's name."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.description = "Train a recipe: build its parts by name, play its game, keep the best weights."
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("recipe", nargs="?", help="a recipe (see: zoo list); may be left out with --resume")
    add_data(
        parser, "a data set: digits, mnist, celeba:Eyeglasses, folder:PATH, npz:PATH, text:PATH … (default: digits)"
    )
    add_settings(parser, "encoder.width=32")
    parser.add_argument(
        "--epochs",
        type=whole,
        metavar="N",
        help="passes over the data; 0 writes the untrained model (default: the recipe's)",
    )
    parser.add_argument("--batch-size", type=count, metavar="N", help="examples a batch (default: the recipe's)")
    parser.add_argument(
        "--seed",
        type=whole,
        metavar="S",
        help="of the first weights, the order and all draws (default: 0, or the run's)",
    )
    parser.add_argument(
        "--labels", type=count, metavar="N", help="only N examples keep their class, the same number of each"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run folder (default: runs/RECIPE-DATA)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Train, then say where everything is."""
    from zoo_core.building.builder import build_plan
    from zoo_core.building.plan import plan
    from zoo_core.data.references import open_dataset, registered_name
    from zoo_core.errors import SettingError
    from zoo_core.registry.catalogue import catalogue
    from zoo_core.storage.files import expanded, is_file
    from zoo_core.training import resume, train
    from zoo_core.training.checkpoints import CHECKPOINT_FILE
    from zoo_core.training.run import read_run, refuse_to_overwrite

    if args.recipe is None:
        if not args.resume:
            raise SettingError(
                "zoo train needs a recipe", hint="see zoo list; or --resume --out FOLDER to go on with a run"
            )
        if args.out is None:
            raise SettingError("--resume needs the run's folder", hint="zoo train --resume --out runs/NAME")
        given = (args.settings, args.data, args.data_root, args.batch_size, args.seed, args.labels)
        if any(value not in (None, []) for value in given):
            raise SettingError(
                "--resume goes on with the run's own data and settings",
                hint="leave all but --out, --epochs and --device out",
            )
        return _report(resume(args.out, epochs=args.epochs, device=args.device, progress=not args.quiet), args.device)

    data = args.data or "zoo-basics:digits"
    of_data, others = data_settings(args.settings)
    settings = parse_settings(others)
    if args.labels is not None:
        settings["training.labelled"] = args.labels
    dataset = open_dataset(data, root=args.data_root, settings=of_data)
    made = plan(
        catalogue().recipe(args.recipe),
        settings,
        image_shape=dataset.image_shape,
        labels=dataset.labels,
        modality=dataset.modality,
        vocabulary=dataset.vocabulary,
        data=registered_name(dataset),
    )
    out = expanded(args.out) if args.out else Path("runs") / _run_name(args.recipe, *_named(dataset))
    resumed = args.resume and is_file(out / CHECKPOINT_FILE)
    if not resumed:
        refuse_to_overwrite(out)
    seed = read_run(out)["seed"] if resumed and args.seed is None else args.seed or 0
    model = build_plan(made, seed=seed)
    if args.labels is not None and not _uses_labels(model):
        raise SettingError(f"--labels: nothing in {args.recipe} as set here looks at labels", hint="leave --labels out")
    if resumed:
        _same_model(model.config, out)
    return _report(
        train(
            model,
            data,
            out=out,
            epochs=args.epochs,
            batch_size=args.batch_size,
            seed=seed,
            device=args.device,
            data_root=args.data_root,
            data_settings=of_data,
            resume=args.resume,
            progress=not args.quiet,
        ),
        args.device,
    )


def _named(dataset: Dataset) -> tuple[str, str]:
    """The data set's name, and the expression behind it."""
    from zoo_core.data.made import innermost

    name = innermost(dataset).name
    return name, dataset.name.removeprefix(name)


def _run_name(recipe: str, data: str, expression: str = "") -> str:
    """``RECIPE-DATA`` as the name of one folder, whatever ``data`` is: of a path its last part."""
    _, colon, path = data.partition(":")
    # Not resolved: a link is called by its own name.
    last = os.path.basename(os.path.abspath(os.path.expanduser(path))) if colon else data
    plain = re.sub(r"\.{2,}", ".", re.sub(r"[^\w.+-]+", "-", f"{recipe}-{last}{expression}"))
    return plain.encode()[:LONGEST_NAME].decode(errors="ignore").strip("-.")


def _typed(path: Path | None) -> str:
    """``path`` as one types it in a command."""
    text = shlex.quote(str(path))
    return f"./{text}" if text.startswith("-") else text


def _uses_labels(model: Model) -> bool:
    """Whether some part or objective looks at the examples' classes."""
    components = cast("Iterable[Part]", [*model.parts.values(), *model.objectives.values()])
    return any("labels" in one.capabilities or one.tags.labels == "classes" for one in components)


def _same_model(config: dict[str, Any], out: Path) -> None:
    """Refuse to resume another model than the one that was started."""
    from zoo_core.errors import RunError, shown
    from zoo_core.storage.config import read_config

    saved = read_config(out)
    for table in ("recipe", "image_shape", "modality", "vocabulary", "labels", "parts", "objectives"):
        if saved.get(table) != config.get(table):
            raise RunError(
                f"{shown(out)} was started with another {table} than asked for now",
                hint=f"zoo train --resume --out {shown(_typed(out), 1000)} goes on with its own settings",
            )


def _report(run: Run, device: str | None) -> int:
    """Say what came of it, once however many processes there are."""
    from zoo_core.devices.process import processes
    from zoo_core.errors import shown

    if not processes(device).main:
        return 0
    print(
        f"{run.reason}: {run.rounds:,} rounds in {run.seconds:,.0f} s"
        + (f", in {shown(run.folder, 1000)}" if run.folder else "")
    )
    if run.reason == "interrupted":
        print(f"go on with: zoo train --resume --out {_typed(run.folder)}", file=sys.stderr)
        return 130
    if run.validation:
        print("validation  " + "  ".join(f"{name} {value:.4f}" for name, value in run.validation.items()))
    config = run.model.config
    if run.model.modality == "tokens":
        print(f"measure it: zoo eval {_typed(run.folder)} --metric NAME")
    elif config["sampler"] and not run.model.sampler().starts_from_images(run.model):
        print(f"look at it: zoo sample {_typed(run.folder)} -n 64 --out samples.png")
    elif {"encoder", "decoder"} <= set(config["parts"]):
        print(f"look at it: zoo reconstruct {_typed(run.folder)} --out reconstructions.png")
    return 0
