"""Repositories, commits and files in the words of the Hub's answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from zoo_core.testing.hub.git_objects import folder_ids, lfs_pointer
from zoo_core.testing.hub.store import Commit, Repository, StoredFile


def model_view(repository: Repository, commit: Commit, card: Mapping[str, Any], *, blobs: bool) -> dict[str, Any]:
    """A model at a commit; with ``blobs`` its files have sizes and hashes."""
    siblings = []
    for path, file in sorted(commit.files.items()):
        sibling: dict[str, Any] = {"rfilename": path}
        if blobs:
            sibling |= {"size": file.size, "blobId": file.oid}
            if file.lfs:
                sibling["lfs"] = {"size": file.size, "sha256": file.sha256, "pointerSize": _pointer_size(file)}
        siblings.append(sibling)
    tags = card.get("tags")
    return {
        "_id": repository.name,
        "id": repository.name,
        "modelId": repository.name,
        "author": repository.name.split("/")[0],
        "sha": commit.id,
        "createdAt": _date(repository.created),
        "lastModified": _date(commit.seconds),
        "private": repository.private,
        "gated": "manual" if repository.gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [str(tag) for tag in tags] if isinstance(tags, list) else [],
        "pipeline_tag": card.get("pipeline_tag"),
        "library_name": card.get("library_name"),
        "cardData": dict(card),
        "siblings": siblings,
    }


def commit_view(commit: Commit) -> dict[str, Any]:
    """A commit of a history."""
    return {
        "id": commit.id,
        "title": commit.title,
        "message": commit.message,
        "date": _date(commit.seconds),
        "authors": [{"user": commit.author}],
    }


def entries(files: Mapping[str, StoredFile]) -> dict[str, dict[str, Any]]:
    """Files and folders by path, in order."""
    found: dict[str, dict[str, Any]] = {
        path: {"type": "directory", "path": path, "oid": oid, "size": 0}
        for path, oid in folder_ids({path: file.oid for path, file in files.items()}).items()
        if path
    }
    for path, file in files.items():
        found[path] = {"type": "file", "path": path, "oid": file.oid, "size": file.size}
        if file.lfs:
            found[path]["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": _pointer_size(file)}
    return dict(sorted(found.items()))


def _pointer_size(file: StoredFile) -> int:
    return len(lfs_pointer(file.sha256, file.size))


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))
