"""zoo edit: pictures with more or less of an attribute."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.cli import add_data, add_device, add_settings, count, refuse_all_but_data

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.model import Model

AUTO = {"auto": True, "+auto": True, "-auto": False}
"""As far as needed to add an attribute, or to take it away."""


@dataclass(frozen=True)
class Edits:
    """What was asked for.

    Arguments:
        fixed: how far to move along each attribute, in each of the edited pictures of a row.
        automatic: the attributes to add (True) or take away (False) as far as needed.
    """

    fixed: tuple[Mapping[str, float], ...]
    automatic: Mapping[str, bool]


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description = (
        "Move the codes of images along the directions of attributes that a model's linear head has learned. A row for each image: itself, "
        "its reconstruction, and the edited pictures. For every model with an encoder, a decoder and a linear head."
    )
    parser.epilog = (
        "examples:\n  zoo edit runs/intro --attribute Eyeglasses=+5 --images photo1.png photo2.png --out edited.png\n"
        "  zoo edit runs/intro --attribute Smiling=-4,-2,2,4 --attribute Male=3 -n 8\n"
        "  zoo edit runs/intro --attribute Eyeglasses=auto --confidence 0.95"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", help="a saved model or run folder")
    parser.add_argument(
        "--attribute",
        action="append",
        required=True,
        metavar="NAME=DELTA",
        help="how far to move, in units of z; several numbers with commas between give a picture each; auto adds the attribute as far as "
        "needed, -auto takes it away; repeatable",
    )
    parser.add_argument(
        "--confidence",
        type=float,
        default=0.95,
        metavar="P",
        help="with auto, how sure the head has to be of the edited picture (default: 0.95)",
    )
    parser.add_argument(
        "--images", nargs="+", type=Path, metavar="FILE", help="pictures to edit, cropped to the model's size"
    )
    add_data(parser, "in place of --images, whose images (default: what the run was trained on)")
    add_settings(parser, "data.KEY=VALUE of the data set")
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), default="test", help="which of the data (default: test)"
    )
    parser.add_argument("-n", type=count, default=8, metavar="N", help="how many of the data (default: 8)")
    parser.add_argument(
        "--out", type=Path, default=Path("edited.png"), metavar="FILE", help="where to (default: edited.png)"
    )
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Encode, move, decode, write, say so."""
    import torch

    from zoo_core.devices import processes
    from zoo_core.drawing import grid, save_png
    from zoo_core.saving import load
    from zoo_introvac.directions import linear_head, place_of

    edits = edits_of(args.attribute)
    refuse_all_but_data(args.settings)
    model = load(args.model, device=processes(args.device).device)
    linear_head(model)
    for name in (*edits.fixed[0], *edits.automatic):
        place_of(model, name)
    x = _images(args, model)
    sheet = torch.stack([x, model.reconstruct(x), *_edited(model, x, edits, args.confidence)], dim=1)
    save_png(args.out, grid(sheet.flatten(0, 1), sheet.shape[1]))
    number = sheet.shape[1] - 2
    print(f"{len(x)} image{'s' * (len(x) > 1)}, reconstructed and edited ({number} a row), in {args.out}")
    return 0


def edits_of(texts: Sequence[str]) -> Edits:
    """``["Smiling=-2,2", "Male=auto"]`` as what it asks for.

    Raises:
        SettingError: no NAME=DELTA, a name twice, what is no finite number, or two attributes with several.
    """
    from zoo_core.errors import SettingError, shown

    deltas: dict[str, list[float]] = {}
    automatic: dict[str, bool] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals or not name:
            raise SettingError(f"--attribute {shown(text)!r} has no NAME=DELTA", hint="e.g. --attribute Smiling=+3")
        if name in deltas or name in automatic:
            raise SettingError(f"--attribute: {shown(name)} is there twice", hint="several numbers: NAME=-2,2")
        if value in AUTO:
            automatic[name] = AUTO[value]
        else:
            deltas[name] = [_number(part, text) for part in value.split(",")]
    several = [name for name, values in deltas.items() if len(values) > 1]
    if len(several) > 1:
        raise SettingError(
            f"--attribute: {shown(' and '.join(several))} have several numbers each", hint="give one attribute several"
        )
    length = max(map(len, deltas.values()), default=1)
    fixed = tuple({name: values[i % len(values)] for name, values in deltas.items()} for i in range(length))
    return Edits(fixed, automatic)


def _number(text: str, whole: str) -> float:
    import math

    from zoo_core.errors import SettingError, shown

    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SettingError(
            f"--attribute {shown(whole)!r}: {shown(text)!r} is no number",
            hint="a number, numbers with commas between, or auto",
        )
    return number


def _edited(model: Model, x: Tensor, edits: Edits, confidence: float) -> list[Tensor]:
    from zoo_introvac.editing import moved, moved_until

    codes, pictures = model.encode(x), []
    for deltas in edits.fixed:
        z = moved(model, codes, deltas)
        for name, wanted in edits.automatic.items():
            z, gone, reached = moved_until(model, z, name, wanted=wanted, confidence=confidence)
            told = ", ".join(f"{delta:+.1f}{'' if there else ' (not reached)'}" for delta, there in zip(gone, reached))
            print(f"{name}: {told}")
        pictures.append(model.decode(z))
    return pictures


def _images(args: argparse.Namespace, model: Model) -> Tensor:
    """The images to edit, (N, C, H, W) on the model's device.

    Raises:
        SettingError: a file that is not there, files and data at once, or files for a model of other than grey or colour pictures.
        DataError: a file that is no picture.
    """
    from zoo_core.cli import data_of
    from zoo_core.data import Splits
    from zoo_core.errors import SettingError

    if args.images is None:
        return next(Splits(model, data_of(args), batch_size=args.n).batches(args.split)).x
    if args.data is not None:
        raise SettingError("--images and --data: the images come from one of them", hint="leave one out")
    return _pictures(args.images, model).to(model.device, model.dtype)


def _pictures(files: Sequence[Path], model: Model) -> Tensor:
    import torch
    from zoo_basics.datasets.picture_files import PictureFiles

    from zoo_core.errors import SettingError, shown
    from zoo_core.storage import expanded

    channels, height, width = model.image_shape
    if channels not in (1, 3):
        raise SettingError(f"--images: this {model.recipe} is of images with {channels} channels", hint="use --data")
    paths = [expanded(str(file)) for file in files]
    for path in paths:
        if not path.is_file():
            raise SettingError(f"--images: there is no file {shown(path, 400)}")
    pictures = PictureFiles(paths, size=(height, width), native=(height, width), channels=channels)
    return torch.stack([pictures[i] for i in range(len(pictures))]).float() / 255
