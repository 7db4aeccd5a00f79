"""A commit as it is sent: one JSON object a line, a header and then what to do with which file."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from zoo_core.errors import shown
from zoo_core.testing.hub.exchange import JSON_LIMIT, json_object
from zoo_core.testing.hub.refusals import Refusal, checked_path, checked_sha256
from zoo_core.testing.hub.store import Edit, Store, StoredFile


@dataclass
class Change:
    """What a commit asks for. ``parent``: the commit that must be the head still, or None for any."""

    title: str = ""
    message: str = ""
    parent: str | None = None
    edits: list[Edit] = field(default_factory=list)


def read_commit(body: BinaryIO, store: Store) -> Change:
    """Read a commit line by line; contents of regular files go to the store as they come.

    Raises:
        Refusal: 400, it is damaged; 413, a regular file is too long.
    """
    change = Change()
    while line := body.readline(JSON_LIMIT + 1):
        if len(line) > JSON_LIMIT:
            raise Refusal(413, "a regular file is too long; it must be sent as an LFS file")
        if not line.strip():
            continue
        item = json_object(line)
        value = item.get("value")
        if not isinstance(value, dict):
            raise Refusal(400, "a line of the commit has no value")
        if item.get("key") == "header":
            change.title, change.message = str(value.get("summary", "")), str(value.get("description", ""))
            change.parent = str(value["parentCommit"]) if value.get("parentCommit") is not None else None
        else:
            change.edits.append(_edit(str(item.get("key")), value, store))
    return change


def _edit(key: str, value: dict[str, Any], store: Store) -> Edit:
    path = value.get("path")
    if key == "deletedFolder":
        return _delete_folder(checked_path(path.rstrip("/") if isinstance(path, str) else path))
    path = checked_path(path)
    if key == "deletedFile":
        return _delete_file(path)
    if key == "lfsFile":
        size = value.get("size")
        if not isinstance(size, int):
            raise Refusal(400, f"{shown(path)} has no size")
        return _put(path, store.lfs_file(checked_sha256(value.get("oid")), size))
    if key == "file":
        try:
            return _put(path, store.file(base64.b64decode(value.get("content", ""), validate=True)))
        except (ValueError, TypeError):
            raise Refusal(400, f"{shown(path)} is not base64") from None
    raise Refusal(400, f'this server knows no operation "{shown(key)}"')


def _put(path: str, file: StoredFile) -> Edit:
    def edit(files: dict[str, StoredFile]) -> None:
        files[path] = file

    return edit


def _delete_file(path: str) -> Edit:
    def edit(files: dict[str, StoredFile]) -> None:
        if files.pop(path, None) is None:
            raise Refusal(404, f"{shown(path)} does not exist", "EntryNotFound")

    return edit


def _delete_folder(folder: str) -> Edit:
    def edit(files: dict[str, StoredFile]) -> None:
        inside = [path for path in files if path.startswith(f"{folder}/")]
        if not inside:
            raise Refusal(404, f"{shown(folder)} does not exist", "EntryNotFound")
        for path in inside:
            del files[path]

    return edit
