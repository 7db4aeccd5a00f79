"""The body of a request as a stream: of a given length or in HTTP chunks, counted, and cut or spoiled by faults."""

from __future__ import annotations

import io
from collections.abc import Callable

from zoo_core.testing.hub.faults import Cut, spoiled


class BodyStream(io.RawIOBase):
    """Reads a request's body and not a byte more, so that the next request of the connection can follow.

    Arguments:
        source: the connection.
        length: bytes of the body; None if it comes in chunks.
        count: told the number of bytes of each read.
        cut: read no more than this many bytes, then raise Cut.
        wrong: the byte that is changed.
    """

    def __init__(
        self,
        source: io.BufferedIOBase,
        length: int | None,
        count: Callable[[int], None],
        cut: int | None,
        wrong: int | None,
    ) -> None:
        self._source = source
        self._chunked = length is None
        self._left = length or 0
        self._ended = length == 0
        self._count = count
        self._cut = cut
        self._wrong = wrong
        self._place = 0

    @property
    def ended(self) -> bool:
        """True when all of the body was read."""
        return self._ended

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._chunked and not self._left and not self._ended:
            self._next_chunk()
        if self._ended:
            return 0
        wanted = min(len(buffer), self._left)
        if self._cut is not None:
            wanted = min(wanted, self._cut - self._place)
            if wanted == 0:
                raise Cut
        data = self._source.read(wanted)
        self._count(len(data))
        if len(data) < wanted:
            raise ConnectionError("the upload ended early")
        buffer[:wanted] = spoiled(data, self._place, self._wrong)
        self._place += wanted
        self._left -= wanted
        if self._chunked and not self._left:
            self._source.readline(8)
        self._ended = not self._chunked and not self._left
        return wanted

    def _next_chunk(self) -> None:
        line = self._source.readline(64).split(b";")[0].strip()
        if not line or line.strip(b"0123456789abcdefABCDEF"):
            raise ConnectionError("the chunks of the request are damaged")
        self._left = int(line, 16)
        if self._left == 0:
            while self._source.readline(1000).strip():
                pass
            self._ended = True
