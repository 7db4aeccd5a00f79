"""The four files of MNIST, and of sets published in its format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import int64

from zoo_basics.datasets.idx import read_idx
from zoo_basics.datasets.location import downloading, first_file
from zoo_core.errors import DataError, shown
from zoo_core.interfaces import Split


def image_files(folders: Sequence[str], published: str) -> list[str]:
    """Where images of the published part ("train" or "test") may lie, below the folder with data sets."""
    return [f"{folder}/{_names(published)[0]}[.gz]" for folder in folders]


def read_published(root: Path, folders: Sequence[str], published: str) -> Split | None:
    """The published part ("train" or "test") from the first of ``folders`` that has its files; None where none has.

    Raises:
        DataError: a file is damaged, or images and labels do not belong together.
    """
    for folder in folders:
        images, labels = (first_file(root / folder, [name, f"{name}.gz"]) for name in _names(published))
        if images is not None and labels is not None:
            return _read(images, labels)
    return None


def fetch(torchvision_name: str, name: str, root: Path) -> None:
    """Downloads the four files of torchvision's data set ``torchvision_name`` to its place below ``root``.

    Raises:
        DataError: a file could not be fetched from any mirror.
    """
    from torchvision import datasets
    from torchvision.datasets.utils import download_url

    published = getattr(datasets, torchvision_name)
    folder = root / torchvision_name / "raw"
    with downloading(name, root):
        for file, md5 in published.resources:
            _from_any_mirror(
                [f"{mirror}{file}" for mirror in published.mirrors],
                lambda url, file=file, md5=md5: download_url(url, str(folder), file, md5),
            )


def _names(published: str) -> tuple[str, str]:
    prefix = "t10k" if published == "test" else "train"
    return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"


def _read(images: Path, labels: Path) -> Split:
    x, y = read_idx(images), read_idx(labels)
    if x.ndim != 3 or y.shape != (len(x),):
        raise DataError(
            f"{shown(images)} and {labels.name} do not belong together: "
            f"their shapes are {tuple(x.shape)} and {tuple(y.shape)}"
        )
    return Split(x[:, None], y.to(int64))


def _from_any_mirror(urls: Sequence[str], download: Callable[[str], None]) -> None:
    failures = []
    for url in urls:
        try:
            return download(url)
        except (OSError, RuntimeError) as error:
            failures.append(str(error))
    raise OSError("; ".join(failures))
