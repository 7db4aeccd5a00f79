"""Contents of files on disk, each under its sha256: written once, whole, never changed."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from zoo_core.testing.hub.refusals import Refusal

CHUNK = 1 << 20


class Blobs:
    """A folder of contents. What a killed server left half-written or half-deleted in ``incoming/`` is swept at the next start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "blobs"
        self._incoming = folder / "incoming"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)
        for stale in self._incoming.iterdir():
            if stale.is_dir():
                shutil.rmtree(stale)
            else:
                stale.unlink()

    def path(self, sha256: str) -> Path:
        """Where the content with this hash is, or would be."""
        return self._folder / sha256[:2] / sha256

    def size(self, sha256: str) -> int | None:
        """Bytes of the content with this hash; None if it is not stored."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def add(self, content: bytes) -> str:
        """Store ``content``; its sha256."""
        sha256 = hashlib.sha256(content).hexdigest()
        if self.size(sha256) is None:
            write_whole(self.path(sha256), content, self._incoming)
        return sha256

    def receive(self, stream: BinaryIO, sha256: str, size: int) -> None:
        """Store what ``stream`` gives, chunk by chunk, if it is the content that was announced.

        Raises:
            Refusal: 400, it has another length or hash; nothing is kept.
        """
        digest = hashlib.sha256()
        received = 0
        with whole_file(self.path(sha256), self._incoming) as file:
            while chunk := stream.read(CHUNK):
                received += len(chunk)
                if received > size:
                    break
                digest.update(chunk)
                file.write(chunk)
            if received != size:
                raise Refusal(400, f"{size} bytes were announced, and {'more' if received > size else received} came")
            if digest.hexdigest() != sha256:
                raise Refusal(400, f"the bytes that came do not have the sha256 that was announced ({sha256})")


@contextmanager
def whole_file(path: Path, incoming: Path) -> Iterator[IO[bytes]]:
    """A file that appears at ``path`` when the block ends, flushed to disk, and not at all when it raises."""
    handle, name = tempfile.mkstemp(dir=incoming)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes, incoming: Path) -> None:
    """Put ``content`` in ``path``'s place at once."""
    with whole_file(path, incoming) as file:
        file.write(content)
