"""Faults on purpose: which request is hit, and what happens to it."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

from zoo_core.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong with certain requests.

    Which: the ``at``-th request (from 1, counted from when the fault is set) whose ``"METHOD /path"`` has ``matching``
    (a regular expression) in it, and the ``times - 1`` such requests after it. Without either it is the next request.

    What, by ``kind``; the *body* is the request's where it has one (an upload), else the answer's:

    - ``"status"``: answered with ``status`` and ``headers``, and not carried out;
    - ``"cut"``: the connection ends after ``after_bytes`` of the body, and without an answer where the answer would have
      no body. An upload that is not longer is carried out, and its answer never comes;
    - ``"wrong-bytes"``: one byte of the body, the one at ``after_bytes`` or the last, is another;
    - ``"slow"``: carried out and answered after ``seconds``;
    - ``"refuse"``: the connection ends at once; nothing is read, carried out or answered.
    """

    kind: Literal["status", "cut", "wrong-bytes", "slow", "refuse"]
    at: int = 1
    matching: str = ""
    times: int = 1
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    after_bytes: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.at < 1 or self.times < 1 or self.after_bytes < 0 or self.seconds < 0 or not 200 <= self.status <= 599:
            raise SettingError(
                "a fault needs at ≥ 1, times ≥ 1, after_bytes ≥ 0, seconds ≥ 0 and a status of 200 to 599"
            )


class ArmedFault:
    """A fault that is set. As a context manager it is taken back at the end; ``hits`` counts the requests it has hit."""

    def __init__(self, fault: Fault, armed: list[ArmedFault], lock: threading.Lock) -> None:
        self.fault = fault
        self.hits = 0
        self._pattern = re.compile(fault.matching)
        self._seen = 0
        self._armed = armed
        self._lock = lock

    def hit(self, request: str) -> bool:
        """Count a request, ``"METHOD /path"``; whether the fault hits it."""
        if not self._pattern.search(request):
            return False
        self._seen += 1
        hit = self.fault.at <= self._seen < self.fault.at + self.fault.times
        self.hits += hit
        return hit

    def remove(self) -> None:
        """Take the fault back."""
        with self._lock:
            if self in self._armed:
                self._armed.remove(self)

    def __enter__(self) -> ArmedFault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


class Faults:
    """The faults that are set on a server."""

    def __init__(self) -> None:
        self._armed: list[ArmedFault] = []
        self._lock = threading.Lock()

    def arm(self, fault: Fault) -> ArmedFault:
        """Set ``fault``; its counting starts now."""
        armed = ArmedFault(fault, self._armed, self._lock)
        with self._lock:
            self._armed.append(armed)
        return armed

    def hitting(self, request: str) -> Fault | None:
        """The fault that hits a request; the one set first if there are several. All of them count it."""
        with self._lock:
            hits = [armed.fault for armed in self._armed if armed.hit(request)]
        return hits[0] if hits else None

    def clear(self) -> None:
        """Take all faults back."""
        with self._lock:
            self._armed.clear()


class Cut(Exception):
    """The connection ends here, by a fault."""


def spoiled(chunk: bytes, start: int, wrong: int | None) -> bytes:
    """``chunk``, whose first byte is the ``start``-th of its body, with the ``wrong``-th byte of the body changed."""
    if wrong is None or not start <= wrong < start + len(chunk):
        return chunk
    changed = bytearray(chunk)
    changed[wrong - start] ^= 0x01
    return bytes(changed)
