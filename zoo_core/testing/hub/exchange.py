"""One request and its answer, apart from how they travel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from zoo_core.testing.hub.refusals import Refusal

JSON_LIMIT = 16_000_000
"""Bytes of a JSON request, and of one line of a commit: a regular file of 10 MB in base64 fits."""


@dataclass
class Request:
    """What a route is given. ``base`` is the server as the client named it; ``user`` is None without a token."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: BinaryIO
    base: str
    user: str | None
    arguments: list[str] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            Refusal: 400, it is not one; 413, it is too long.
        """
        text = self.body.read(JSON_LIMIT + 1)
        if len(text) > JSON_LIMIT:
            raise Refusal(413, f"the request is longer than {JSON_LIMIT} bytes")
        return json_object(text or b"{}")


@dataclass(frozen=True)
class FilePart:
    """The bytes ``start`` to ``stop`` (exclusive) of a file."""

    path: Path
    start: int
    stop: int


@dataclass(frozen=True)
class Reply:
    """An answer: its status, headers apart from the length, and body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FilePart = b""

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.stop - self.body.start


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """``value`` as JSON."""
    return Reply(
        status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, json.dumps(value).encode()
    )


def refusal_reply(refusal: Refusal) -> Reply:
    """A refusal as the Hub words it: the code in a header, the reason in a header and the body."""
    # Header lines are ASCII; the body has the reason as it is.
    reason = refusal.what.encode("ascii", "backslashreplace").decode()
    headers = {"X-Error-Message": reason, **({"X-Error-Code": refusal.code} if refusal.code else {}), **refusal.headers}
    return json_reply({"error": refusal.what}, refusal.status, headers)


def json_object(text: bytes) -> dict[str, Any]:
    """``text`` as a JSON object.

    Raises:
        Refusal: 400, it is not one.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal(400, "the request is not JSON") from None
    if not isinstance(value, dict):
        raise Refusal(400, "the request is not a JSON object")
    return value
