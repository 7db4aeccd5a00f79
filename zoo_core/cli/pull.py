"""zoo pull: fetch a published model into the cache, or into a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo_core.hub.reference import Located


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.description = (
        "Fetch published models with their cards into the Hub's cache, each file held against its hash, so that they "
        "load offline."
    )
    parser.epilog = (
        "examples:\n  zoo pull org/name@v1.0\n  zoo pull org/name --out models/name\n"
        "  ZOO_REGISTRY=locked.toml zoo pull --locked          everything that the lock pins, and nothing else"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "models", nargs="*", metavar="org/name[@revision]", help="or a name of the catalogue; several are fine"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="copy the one model into this folder, too")
    parser.add_argument("--force", action="store_true", help="fetch again what is in the cache")
    parser.add_argument(
        "--locked", action="store_true", help="refuse what $ZOO_REGISTRY does not pin by commit and sha256"
    )


def run(args: argparse.Namespace) -> int:
    """Fetch, and print where to."""
    import os

    from zoo_core.errors import RunError, SettingError, shown
    from zoo_core.hub.reference import locate
    from zoo_core.publishing.lock import locked_names, pull_locked

    models = list(args.models)
    if args.locked:
        lock = os.environ.get("ZOO_REGISTRY")
        if not lock:
            raise SettingError(
                "--locked needs a lock", hint="ZOO_REGISTRY=locked.toml zoo pull --locked; see zoo lock --help"
            )
        models = models or locked_names(Path(lock).expanduser())
    if not models:
        raise SettingError("pull needs a model", hint="zoo pull org/name")
    if args.out is not None and len(models) > 1:
        raise SettingError(f"--out takes one model, not {len(models)}")
    if args.out is not None and args.out.exists() and any(args.out.iterdir() if args.out.is_dir() else [args.out]):
        raise RunError(f"{shown(args.out)} is there already and not empty", hint="choose another --out")
    for model in models:
        found = (
            pull_locked(model, force=args.force) if args.locked else locate(model, everything=True, force=args.force)
        )
        _fetch_externals(found)
        if args.out is None:
            print(found.folder)
            continue
        _copy(found.folder, args.out)
        print(args.out)
    return 0


def _fetch_externals(found: Located) -> None:
    """The weights that the model takes from second repositories; without them it would not load offline."""
    from zoo_core.hub.announce import announce_external
    from zoo_core.hub.download import check_pinned, fetch_file
    from zoo_core.hub.external import externals
    from zoo_core.storage.config import read_config

    config = read_config(found.folder)
    announce_external(config, found.label, allowed=True)
    for one in externals(config):
        path, _ = fetch_file(one.repo, one.file, one.commit)
        check_pinned(path.parent, {path.name: one.sha256}, f"{one.repo}@{one.commit[:7]}")


def _copy(folder: Path, out: Path) -> None:
    """Copies of the files, each written atomically, the config last."""
    from shutil import copyfile

    from zoo_core.hub.download import ABOUT
    from zoo_core.storage.files import replacing
    from zoo_core.tensors.reader import open_weights

    about = [path.relative_to(folder).as_posix() for pattern in ABOUT for path in sorted(folder.glob(pattern))]
    for name in [*about, *open_weights(folder).all_files]:
        with replacing(out / name) as temporary:
            copyfile(folder / name, temporary)
