"""What a published model consists of, put together in a folder before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

from zoo_core.errors import RunError, SettingError, shown
from zoo_core.evaluation.results import add_results, read_results
from zoo_core.model import Model
from zoo_core.publishing.card import CARD_FILE, LARGEST, MARK, card_licence, model_card, validate_card
from zoo_core.publishing.licences import check_licence
from zoo_core.storage.config import read_small
from zoo_core.storage.files import write_bytes
from zoo_core.tensors.reader import open_weights

SHOWN_SAMPLES = 64
_EPOCH = re.compile(r"(?P<name>[a-z][a-z0-9-]*?)-\d+")


@dataclass(frozen=True)
class Staged:
    """A model ready to be published.

    Arguments:
        folder: with every file, as it will stand in the repository.
        files: their names, relative and sorted.
        licence: the identifier of its licence.
    """

    folder: Path
    files: tuple[str, ...]
    licence: str


def stage(
    model: Model, into: Path, *, repo: str, licence: str | None, run: Path | None, max_shard_size: int | str = "5GB"
) -> Staged:
    """Write into ``into`` what is published of ``model``: config, weights, card, figures and pictures.

    Arguments:
        repo: what the card tells people to load; a repository or a name of the catalogue.
        licence: an identifier such as ``"mit"``; None takes that of the card in ``run``.
        run: the folder that the model was trained or saved in: its settings, figures and pictures go along, and its own
            ``README.md`` where somebody wrote one.

    Raises:
        SettingError: no licence, or one that the Hub does not know.
        RunError: what is in ``run`` cannot be read.
    """
    own_card = _own_card(run)
    licence = check_licence(licence or _licence_of(own_card, run))
    model.save(into, max_shard_size=max_shard_size)
    _copy_pictures(run, into)
    _draw_samples(model, into)
    if run is not None and (figures := read_results(run)):
        add_results(into, figures)
    if own_card is not None and MARK not in own_card:
        validate_card(own_card)
        write_bytes(into / CARD_FILE, own_card.encode())
    else:
        saved = open_weights(into)
        card = model_card(
            model.config,
            repo=repo,
            licence=licence,
            run=_run_facts(run),
            figures=read_results(into),
            pictures=sorted(f"pictures/{path.name}" for path in (into / "pictures").glob("*.png")),
            parameters=saved.elements,
            size_bytes=sum((into / file).stat().st_size for file in saved.files),
            dtypes=sorted({str(info.dtype).removeprefix("torch.") for info in saved.tensors.values()}),
        )
        write_bytes(into / CARD_FILE, card.encode())
    files = sorted(path.relative_to(into).as_posix() for path in into.rglob("*") if path.is_file())
    return Staged(into, tuple(files), licence)


def _own_card(run: Path | None) -> str | None:
    path = None if run is None else run / CARD_FILE
    if path is None or not path.is_file():
        return None
    try:
        return read_small(path, LARGEST)
    except (OSError, ValueError) as error:
        raise RunError(f"{shown(path)} cannot be read: {shown(error)}") from None


def _licence_of(card: str | None, run: Path | None) -> str:
    if card is not None and run is not None:
        validate_card(card)
        return card_licence(run / CARD_FILE)
    raise SettingError(
        "a model is published under a licence, and none is given",
        hint='say which: --license mit, or license="apache-2.0"',
    )


def _run_facts(run: Path | None) -> Mapping[str, Any] | None:
    from zoo_core.training.run import read_run

    return read_run(run) if run is not None and (run / "run.json").is_file() else None


def _copy_pictures(run: Path | None, into: Path) -> None:
    """The newest picture of each name: ``reconstructions-0020.png`` is published as ``reconstructions.png``."""
    if run is None:
        return
    newest: dict[str, Path] = {}
    for path in sorted((run / "pictures").glob("*.png")):
        numbered = _EPOCH.fullmatch(path.stem)
        newest[numbered["name"] if numbered else path.stem] = path
    for name, path in newest.items():
        (into / "pictures").mkdir(exist_ok=True)
        copyfile(path, into / "pictures" / f"{name}.png")


def _draw_samples(model: Model, into: Path) -> None:
    """Samples of the very weights that are published, where the model makes pictures from nothing."""
    from zoo_core.drawing.grids import grid, save_png

    if model.modality != "tokens" and model.config["sampler"] and not model.sampler().starts_from_images(model):
        samples = model.samples(SHOWN_SAMPLES, seed=0)
        save_png(into / "pictures" / "samples.png", grid(samples.x, samples.columns))
