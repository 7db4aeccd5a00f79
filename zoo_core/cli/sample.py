"""zoo sample: pictures from a saved model."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.cli.values import add_data, add_device, add_settings, count, data_settings, parse_settings, whole

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.interfaces import Sampler, Samples
    from zoo_core.model import Model

PICTURES = 64
"""How many are drawn where nobody says."""

CHUNK = 256
"""How many are drawn at a time for a folder."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.description = "Draw pictures from a saved model: into one PNG file, or into a folder, a file each."
    parser.epilog = (
        "examples:\n  zoo sample runs/vae-digits -n 64 --out samples.png\n"
        "  zoo sample runs/vae-digits -n 10000 --out pictures/\n"
        "  zoo sample runs/vae-digits --sampler interpolation --set mode=spherical --data digits --out walk.png"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", help="a saved model or run folder")
    parser.add_argument(
        "-n", type=count, metavar="N", help="how many pictures (default: 64, or as many of them as fill whole rows)"
    )
    parser.add_argument(
        "--out",
        type=_destination,
        default=_Destination(Path("samples.png"), False),
        metavar="FILE|FOLDER/",
        help="where to: one file with all of them (default: samples.png), or a folder, for as many as there is space for",
    )
    parser.add_argument("--sampler", metavar="NAME", help="see zoo list --kind sampler (default: the model's)")
    add_settings(parser, "steps=12")
    add_data(parser, "images for samplers that start from some")
    parser.add_argument(
        "--label",
        action="append",
        metavar="Y",
        help="draw this class, by number or name, for models that take labels; repeatable",
    )
    parser.add_argument(
        "--attribute",
        action="append",
        metavar="NAME=0|1",
        help="draw pictures with (1) or without (0) an attribute, for models that take some; repeatable",
    )
    parser.add_argument("--columns", type=count, metavar="N", help="pictures in a row")
    parser.add_argument(
        "--trace",
        type=_trace_file,
        nargs="?",
        const=True,
        metavar="FILE",
        help="also the way to them, where the sampler keeps it: .png, a row each, or .gif; without FILE it is what --out gets",
    )
    parser.add_argument("--seed", type=whole, default=0, metavar="S", help="same seed, same pictures (default: 0)")
    add_device(parser)


@dataclass(frozen=True)
class _Destination:
    path: Path
    folder: bool


def _destination(text: str) -> _Destination:
    """An argparse type: a file; a folder where it ends with a slash, or there is one of that name."""
    from zoo_core.storage.files import is_folder

    ends = text.endswith(tuple(filter(None, ("/", os.sep, os.altsep))))
    return _Destination(Path(text), ends or is_folder(Path(text)))


def _trace_file(text: str) -> Path:
    """An argparse type: a file whose ending says how a trace is written."""
    from zoo_core.errors import shown

    if Path(text).suffix.lower() not in (".png", ".gif"):
        raise argparse.ArgumentTypeError(
            f"{shown(text)!r} should end with .png (a row for each picture) or .gif (animated)"
        )
    return Path(text)


def run(args: argparse.Namespace) -> int:
    """Sample, write, say so."""
    from zoo_core.cli.images import refuse_without_pictures
    from zoo_core.devices.process import processes
    from zoo_core.errors import SettingError
    from zoo_core.saving import load

    if args.trace is True and not args.out.folder:
        try:
            _trace_file(str(args.out.path))
        except argparse.ArgumentTypeError as error:
            raise SettingError(f"--out: {error}", hint="or name another file for the trace: --trace FILE") from None
    _, others = data_settings(args.settings)
    model = load(args.model, device=processes(args.device).device)
    refuse_without_pictures(model, "zoo sample")
    sampler = model.sampler({"name": args.sampler or "", **parse_settings(others)})
    n = args.n or PICTURES
    given = {"x": _images(args, model, sampler, CHUNK if args.out.folder else n), "y": _y(args, model, sampler, n)}
    if args.out.folder:
        _into_folder(args, model, sampler, n, given)
    else:
        _into_file(args, model, sampler, n, given)
    return 0


def _into_file(args: argparse.Namespace, model: Model, sampler: Sampler, n: int, given: Mapping[str, Any]) -> None:
    from zoo_core.drawing.grids import grid, save_png

    images = given["x"]
    samples = model.samples(n, sampler, seed=args.seed, x=None if images is None else next(images), y=given["y"])
    columns = args.columns or samples.columns
    short = 0 if args.n or columns is None or columns > n else n % columns
    pictures = samples.x[: n - short]
    if args.trace:
        _write_trace(args.out.path if args.trace is True else args.trace, samples, sampler, len(pictures), columns)
    if args.trace is True:
        _say([samples])
        return
    save_png(args.out.path, grid(pictures, columns))
    print(f"{len(pictures)} pictures in {args.out.path}")
    _say([samples])


def _into_folder(args: argparse.Namespace, model: Model, sampler: Sampler, n: int, given: Mapping[str, Any]) -> None:
    """A file for each picture, numbered, as they are drawn.

    Raises:
        SettingError: what is of one file, or a folder that is not empty.
    """
    from zoo_core.drawing.grids import grid, save_png
    from zoo_core.errors import SettingError, shown

    folder = args.out.path
    for option in ("trace", "columns"):
        if getattr(args, option):
            raise SettingError(f"--{option}: is for pictures in one file", hint="leave it out, or --out FILE")
    if folder.is_dir() and any(folder.iterdir()):
        raise SettingError(f"--out: the folder {shown(folder)} is not empty", hint="choose another one")
    done, drawn = 0, []
    for samples in model.sample_chunks(n, sampler, seed=args.seed, chunk=CHUNK, **given):
        for x in samples.x.cpu():
            save_png(folder / f"{done:0{len(str(n - 1))}}.png", grid(x[None], gap=0), enlarge=1)
            done += 1
        drawn.append(_Noted(len(samples.x), samples.notes))
    print(f"{done:,} pictures in {folder}")
    _say(drawn)


def _write_trace(path: Path, samples: Samples, sampler: Sampler, n: int, columns: int | None) -> None:
    """The way to the first ``n`` pictures: a row for each, a picture a step; or in a GIF the grid of all of them, step by step.

    Raises:
        SettingError: the sampler keeps none.
    """
    from zoo_core.drawing.grids import grid, save_gif, save_png
    from zoo_core.errors import SettingError

    if samples.trace is None:
        raise SettingError(
            f"--trace: {type(sampler).__name__} keeps no trace", hint="leave it out, or choose another --sampler"
        )
    trace = samples.trace[:, :n]
    if path.suffix.lower() == ".gif":
        save_gif(path, [grid(step, columns) for step in trace])
    else:
        save_png(path, grid(trace.transpose(0, 1).flatten(0, 1), len(trace)))
    print(f"{len(trace)} steps in {path}")


@dataclass(frozen=True)
class _Noted:
    count: int
    notes: Mapping[str, float | str]


def _say(drawn: Sequence[Samples | _Noted]) -> None:
    """The sampler's notes: numbers as their mean over all pictures, texts once each."""
    from zoo_core.errors import shown

    counts = [one.count if isinstance(one, _Noted) else len(one.x) for one in drawn]
    for name in dict.fromkeys(name for one in drawn for name in one.notes):
        noted = [(one.notes[name], n) for one, n in zip(drawn, counts, strict=True) if name in one.notes]
        numbers = [(value, n) for value, n in noted if isinstance(value, int | float)]
        texts = list(dict.fromkeys(value for value, _ in noted if isinstance(value, str)))
        if numbers:
            texts.append(f"{sum(value * n for value, n in numbers) / sum(n for _, n in numbers):.4g}")
        print(f"{shown(name)}: {shown(', '.join(texts), 300)}")


def _images(args: argparse.Namespace, model: Model, sampler: Sampler, batch_size: int) -> Iterator[Tensor] | None:
    """Images of the test split for a sampler that starts from some: those that were asked for, else those of the run's own data where
    there is nothing else to start from."""
    from zoo_core.cli.evaluate import data_of
    from zoo_core.data.splits import Splits
    from zoo_core.errors import SettingError

    if args.data and "x" not in sampler.conditions:
        raise SettingError(
            f"--data: {type(sampler).__name__} starts from no images", hint="leave it out, or --sampler interpolation"
        )
    if not args.data and not sampler.starts_from_images(model):
        if data_settings(args.settings)[0]:
            raise SettingError("--set data.KEY: no data are looked at here", hint="name them: --data digits")
        return None
    return (batch.x for batch in Splits(model, data_of(args), batch_size=batch_size).batches("test"))


def _y(args: argparse.Namespace, model: Model, sampler: Sampler, n: int) -> Tensor | None:
    """The labels of ``n`` pictures that were asked for.

    Raises:
        SettingError: labels that would change nothing, or that the model does not know.
    """
    from zoo_core.errors import SettingError

    for option, type_, other in (
        ("label", "classes", "--attribute NAME=1"),
        ("attribute", "attributes", "--label NAME"),
    ):
        if not getattr(args, option):
            continue
        if not (sampler.classes(model) if "y" in sampler.conditions else 0):
            raise SettingError(f"this {model.recipe} takes no labels", hint=f"leave --{option} out")
        if model.labels.type not in (type_, "none"):
            raise SettingError(
                f"--{option}: this {model.recipe} takes {model.labels.type}", hint=f"for instance {other}"
            )
    if args.attribute:
        return _attributes(model, args.attribute)
    if args.label:
        labels = _labels(model, sampler, args.label)
        return labels.repeat(-(-n // len(labels)))[:n]
    return None


def _attributes(model: Model, asked: Sequence[str]) -> Tensor:
    """What is asked of each of the model's attributes, −1 of those that are not named.

    Raises:
        SettingError: no NAME=0 or NAME=1, an attribute that the model does not know, or one twice.
    """
    import torch

    from zoo_core.data.labels import listed
    from zoo_core.errors import SettingError, did_you_mean, shown

    y = torch.full((model.labels.count,), -1)
    for text in asked:
        name, _, value = text.rpartition("=")
        if value not in ("0", "1") or not name:
            known = f"the attributes are {listed(model.labels.names)}"
            raise SettingError(f"--attribute {shown(text)!r} should be NAME=1 or NAME=0", hint=known)
        if name not in model.labels.names:
            near = did_you_mean(name, model.labels.names) or f"the attributes are {listed(model.labels.names)}"
            raise SettingError(f"--attribute: the model has no attribute {shown(name)!r}", hint=near)
        index = model.labels.names.index(name)
        if y[index] >= 0:
            raise SettingError(f"--attribute: {shown(name)} is there twice")
        y[index] = int(value)
    return y


def _labels(model: Model, sampler: Sampler, asked: list[str]) -> Tensor:
    """The classes asked for, once each."""
    from zoo_core.data.given import as_labels

    return as_labels(asked, model.labels, len(asked), classes=sampler.classes(model), what="--label", unknown=False)
