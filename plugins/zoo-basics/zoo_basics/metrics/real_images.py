"""The images that are measured, kept on disk: they come in one pass, and a cache has to know them before they are looked at."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import BinaryIO, Self, cast, final

import numpy as np
import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces import Batch

CHUNK = 1024
"""Images at a time when all of them are read."""

ORDER_SEED = 0
"""Of the order in which a part of them is taken."""


@final
class RealImages:
    """All images of ``batches``, in a temporary file of one byte a pixel (four where pixels are no grey levels of 1/255).

    Memory does not grow with their number. A context manager: the file is gone after it.

    Raises:
        DataError: there are fewer than two.
    """

    def __init__(self, batches: Iterable[Batch]) -> None:
        self.count = 0
        self.y: Tensor | None = None
        """Their classes, int64 (N,), on the CPU; None where there are none."""
        self._file = _temporary()
        self._shape: tuple[int, ...] = ()
        self._levels = True
        try:
            classes: list[Tensor] = []
            for batch in batches:
                if len(batch):
                    self._add(batch.x)
                    classes += [] if batch.y is None else [batch.y.cpu()]
            self.y = torch.cat(classes) if classes else None
            if self.count < 2:
                raise DataError(
                    f"there should be at least two images to compare with, found {self.count}",
                    hint="choose another split, or a larger --limit",
                )
            self._images = self._mapped()
            self.sha256 = self._digest()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self._images
        self._file.close()

    def batches(self, size: int, rows: Tensor | None = None) -> Iterator[Tensor]:
        """float32 (N, C, H, W) in [0, 1], N ≤ ``size``: all images in order, or those of ``rows``."""
        if rows is None:
            rows = torch.arange(self.count)
        for piece in rows.split(size):
            pixels = torch.from_numpy(self._images[piece.numpy()])
            yield pixels.float() / 255 if self._levels else pixels

    def mixed(self, count: int) -> Tensor:
        """The numbers of ``count`` different images, always the same, from all over the split (which may be sorted)."""
        return torch.randperm(self.count, generator=torch.Generator().manual_seed(ORDER_SEED))[:count]

    def _add(self, x: Tensor) -> None:
        x = x.detach().to("cpu", torch.float32)
        levels = (x * 255).round()
        if self._levels and not bool(
            ((x * 255 - levels).abs() < 1e-3).all() and levels.min() >= 0 and levels.max() <= 255
        ):
            self._widen()
        self._shape = tuple(x.shape[1:])
        self._file.write((levels.to(torch.uint8) if self._levels else x).contiguous().numpy().tobytes())
        self.count += len(x)

    def _widen(self) -> None:
        """Go on in float32, what is there included."""
        wider = _temporary()
        if self.count:
            for x in self._mapped_batches():
                wider.write(x.numpy().tobytes())
        self._file.close()
        self._file, self._levels = wider, False

    def _mapped_batches(self) -> Iterator[Tensor]:
        self._images = self._mapped()
        yield from self.batches(CHUNK)

    def _mapped(self) -> np.memmap:
        self._file.flush()
        pixel = np.uint8 if self._levels else np.float32
        return np.memmap(self._file, pixel, "r", shape=(self.count, *self._shape))

    def _digest(self) -> str:
        digest = hashlib.sha256(f"{self.count} {self._shape} {self._levels}".encode())
        for start in range(0, self.count, CHUNK):
            digest.update(self._images[start : start + CHUNK].tobytes())
        return digest.hexdigest()


def _temporary() -> BinaryIO:
    return cast(BinaryIO, tempfile.TemporaryFile(prefix="zoo-images-"))  # closed by who asked for it
