"""Where data sets lie on this machine, and what to say when they are not there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo_core.errors import DataError, shown


def data_root(root: str | None) -> Path:
    """The folder that holds data sets: ``root``, else ``$ZOO_DATA``, else ``~/.cache/zoo/data``."""
    return Path(root or os.environ.get("ZOO_DATA") or "~/.cache/zoo/data").expanduser()


def first_file(root: Path, candidates: Iterable[str]) -> Path | None:
    """The first of ``candidates`` (paths below ``root``) that is there."""
    return next((root / c for c in candidates if (root / c).is_file()), None)


def not_found(name: str, root: Path, looked_for: Iterable[str]) -> DataError:
    """The error for a data set whose files are not below ``root``."""
    files = " or ".join(looked_for)
    return DataError(
        f'the files of "{name}" are not in {shown(root)} (looked for {files})',
        hint="give their folder with --data-root or $ZOO_DATA, or add --set data.download=true",
        dataset=name,
        root=str(root),
    )


@contextmanager
def downloading(name: str, root: Path) -> Iterator[None]:
    """Turns what goes wrong in a download, and in unpacking it, into a DataError."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(
            f'"{name}" could not be downloaded to {shown(root)}: {shown(error)}',
            hint="without a network, put the files there by hand or give their folder with --data-root",
        ) from error
