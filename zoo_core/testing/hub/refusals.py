"""What the server refuses: the error that becomes an answer, and the checks of names and paths from outside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from zoo_core.errors import ZooError, shown

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Refusal(ZooError):
    """A request that is not carried out.

    Arguments:
        status: the HTTP status of the answer.
        what: the reason, sent as ``X-Error-Message`` and in the body.
        code: ``X-Error-Code``, from which the client takes its class of error (``RepoNotFound``, ``RevisionNotFound``,
            ``EntryNotFound``, ``GatedRepo``).
        headers: further headers of the answer.
    """

    def __init__(
        self, status: int, what: str, code: str = "", headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(what, status=status, code=code)
        self.status = status
        self.code = code
        self.headers = dict(headers)


def checked_repo(text: str) -> str:
    """``text`` if it is ``owner/name`` in the Hub's characters.

    Raises:
        Refusal: 400, it is anything else.
    """
    parts = text.split("/")
    if len(parts) != 2 or ".." in text or "--" in text or not all(_NAME.fullmatch(part) for part in parts):
        raise Refusal(400, f'"{shown(text)}" is not the name of a repository; expected owner/name')
    if text.endswith(".git"):
        raise Refusal(400, f'"{shown(text)}": the name of a repository must not end with .git')
    return text


def checked_path(text: object) -> str:
    """``text`` if it is the path of a file inside a repository, with ``/`` between its parts.

    Raises:
        Refusal: 400, it is empty, absolute, too long, or has ``..``, a backslash or a control character.
    """
    if not isinstance(text, str) or not text or _CONTROL.search(text) or "\\" in text or len(text.encode()) > 1000:
        raise Refusal(400, f'"{shown(text)}" is not the path of a file in a repository')
    if any(part in ("", ".", "..") or part.lower() == ".git" or len(part.encode()) > 255 for part in text.split("/")):
        raise Refusal(400, f'"{shown(text)}" is not the path of a file in a repository')
    return text


def checked_ref(text: object) -> str:
    """``text`` if a branch or tag may have it as its name.

    Raises:
        Refusal: 400, it may not.
    """
    if not isinstance(text, str) or not _REF.fullmatch(text) or is_commit(text):
        raise Refusal(400, f'"{shown(text)}" is not a name for a branch or tag')
    if ".." in text or "//" in text or text.endswith(("/", ".", ".lock")):
        raise Refusal(400, f'"{shown(text)}" is not a name for a branch or tag')
    return text


def checked_sha256(text: object) -> str:
    """``text`` if it is 64 hexadecimal digits.

    Raises:
        Refusal: 400, it is not.
    """
    if not isinstance(text, str) or not _SHA256.fullmatch(text):
        raise Refusal(400, f'"{shown(text)}" is not a sha256')
    return text


def is_commit(text: str) -> bool:
    """True for 40 hexadecimal digits."""
    return _COMMIT.fullmatch(text) is not None
