"""The ids that git gives to files, LFS pointers, folders and commits: SHA-1 over git's own object format."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def object_id(kind: str, content: bytes) -> str:
    """The id of a git object of ``kind`` ``"blob"``, ``"tree"`` or ``"commit"``."""
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def lfs_pointer(sha256: str, size: int) -> bytes:
    """The text file that git keeps in the place of a large one (git-lfs specification, version 1)."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def folder_ids(files: Mapping[str, str]) -> dict[str, str]:
    """The id of every folder.

    Arguments:
        files: path of each file -> id of its blob.

    Returns:
        path of each folder -> id of its tree; the root is ``""``.
    """
    entries: dict[str, dict[str, tuple[str, str]]] = {"": {}}
    for path, blob in files.items():
        folder, _, name = path.rpartition("/")
        entries.setdefault(folder, {})[name] = ("100644", blob)
        while folder:
            folder = folder.rpartition("/")[0]
            entries.setdefault(folder, {})
    ids: dict[str, str] = {}
    # Deepest first: a folder's id is made of those inside it. The root comes last.
    for folder in sorted(entries, key=lambda folder: (folder.count("/") + bool(folder), folder), reverse=True):
        # git compares the name of a folder as if it ended with a slash.
        ordered = sorted(entries[folder].items(), key=lambda item: (item[0] + "/" * (item[1][0] == "40000")).encode())
        content = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for name, (mode, oid) in ordered)
        ids[folder] = object_id("tree", content)
        if folder:
            parent, _, name = folder.rpartition("/")
            entries[parent][name] = ("40000", ids[folder])
    return ids


def commit_id(tree: str, parent: str | None, author: str, seconds: int, title: str, message: str) -> str:
    """The id of a commit made ``seconds`` after 1970 UTC."""
    who = f"{author} <{author}> {seconds} +0000"
    lines = [f"tree {tree}", *([f"parent {parent}"] if parent else []), f"author {who}", f"committer {who}", ""]
    text = "\n".join([*lines, title, *(["", message] if message else []), ""])
    return object_id("commit", text.encode("utf-8", "replace"))
