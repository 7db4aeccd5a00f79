"""Repositories on disk: ``repositories/OWNER/NAME/repository.json`` has the refs, ``commits/ID.json`` the files of each commit.

A commit is written before the ref that points to it, and each file is replaced whole: whenever the server is killed, the
folder holds the state before or after a change.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from zoo_core.errors import shown
from zoo_core.testing.hub.blobs import Blobs, write_whole
from zoo_core.testing.hub.git_objects import commit_id, folder_ids, lfs_pointer, object_id
from zoo_core.testing.hub.refusals import Refusal, checked_ref, checked_repo, is_commit

LFS_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".onnx", ".h5", ".npy", ".npz", ".zip", ".gz", ".tar")
REGULAR_LIMIT = 10_000_000
"""Files of this many bytes and more are LFS files, whatever their name."""

_ATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES).encode()


@dataclass(frozen=True)
class StoredFile:
    """A file of a commit: its size in bytes, the sha256 of its content, its git id, and whether it is an LFS file."""

    size: int
    sha256: str
    oid: str
    lfs: bool


@dataclass(frozen=True)
class Commit:
    """A state of a repository. ``seconds`` since 1970 UTC; ``files`` by path."""

    id: str
    parent: str | None
    author: str
    seconds: int
    title: str
    message: str
    files: dict[str, StoredFile]


@dataclass
class Repository:
    """What can change about a repository without a commit. ``gated_users`` may read the files although it is gated."""

    name: str
    created: int
    private: bool = False
    gated: bool = False
    gated_users: list[str] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


Edit = Callable[[dict[str, StoredFile]], None]


class Store:
    """All repositories under ``folder``. Changes take turns; one process at a time may use a folder."""

    def __init__(self, folder: Path) -> None:
        self.blobs = Blobs(folder)
        self._folder = folder / "repositories"
        self._incoming = folder / "incoming"
        self._lock = threading.RLock()

    # -- repositories

    def create(self, name: str, *, author: str, private: bool) -> Repository:
        """A new repository with a first commit on ``main``.

        Raises:
            Refusal: 400 for the name; 409, there is one, in whatever case its name is written.
        """
        owner, short = checked_repo(name).split("/")
        with self._lock:
            taken = {found.parent.name.lower() for found in (self._folder / owner).glob("*/repository.json")}
            if short.lower() in taken:
                raise Refusal(409, f"You already created this model repo: {name}")
            first = self._add_commit(
                name, None, author, "initial commit", "", {".gitattributes": self.file(_ATTRIBUTES)}
            )
            repository = Repository(name, created=first.seconds, private=private, branches={"main": first.id})
            self._save(repository)
            return repository

    def repository(self, name: str) -> Repository:
        """The repository ``name``.

        Raises:
            Refusal: 400 for the name; 404, there is none.
        """
        try:
            return Repository(**json.loads((self._home(name) / "repository.json").read_bytes()))
        except FileNotFoundError:
            raise Refusal(404, f"Repository not found: {name}", "RepoNotFound") from None

    def change(self, name: str, **values: object) -> None:
        """Set attributes of a repository: ``private``, ``gated``, ``gated_users``."""
        with self._lock:
            self._save(Repository(**{**asdict(self.repository(name)), **values}))

    def delete(self, name: str) -> None:
        """Remove a repository; contents that it shared with others stay."""
        with self._lock:
            self.repository(name)
            # Out of sight in one step, then away file by file.
            gone = self._incoming / uuid.uuid4().hex
            self._home(name).rename(gone)
        shutil.rmtree(gone)

    # -- refs

    def resolve(self, repository: Repository, revision: str) -> str:
        """The commit that a branch, a tag or a commit id means.

        Raises:
            Refusal: 404, there is no such revision.
        """
        for refs in (repository.branches, repository.tags):
            if revision in refs:
                return refs[revision]
        if is_commit(revision) and self._commit_file(repository.name, revision).is_file():
            return revision
        raise Refusal(404, f"Invalid rev id: {shown(revision)}", "RevisionNotFound")

    def set_ref(self, name: str, kind: str, ref: object, revision: str) -> None:
        """A new branch or tag; ``kind`` is ``"branches"`` or ``"tags"``.

        Raises:
            Refusal: 400 for the name, 404 for the revision, 409 if there is one.
        """
        with self._lock:
            repository = self.repository(name)
            commit = self.resolve(repository, revision)
            if checked_ref(ref) in (refs := getattr(repository, kind)):
                raise Refusal(409, f"Reference already exists: {ref}")
            refs[ref] = commit
            self._save(repository)

    def delete_ref(self, name: str, kind: str, ref: str) -> None:
        """Remove a branch or tag.

        Raises:
            Refusal: 404, there is none; 403, it is ``main``.
        """
        with self._lock:
            repository = self.repository(name)
            if ref not in (refs := getattr(repository, kind)):
                raise Refusal(404, f"Reference does not exist: {shown(ref)}", "RevisionNotFound")
            if kind == "branches" and ref == "main":
                raise Refusal(403, "the branch main cannot be deleted")
            del refs[ref]
            self._save(repository)

    # -- commits

    def commit(self, name: str, commit: str) -> Commit:
        """The commit with this id, which :meth:`resolve` has given."""
        record = json.loads(self._commit_file(name, commit).read_bytes())
        files = {path: StoredFile(**values) for path, values in record.pop("files").items()}
        return Commit(**record, files=files)

    def history(self, name: str, commit: str | None) -> list[Commit]:
        """The commit and its ancestors, newest first."""
        found = []
        while commit is not None:
            found.append(self.commit(name, commit))
            commit = found[-1].parent
        return found

    def file(self, content: bytes) -> StoredFile:
        """Store ``content`` as a regular file."""
        return StoredFile(len(content), self.blobs.add(content), object_id("blob", content), lfs=False)

    def lfs_file(self, sha256: str, size: int) -> StoredFile:
        """The LFS file whose content was uploaded before.

        Raises:
            Refusal: 400, no such content was uploaded.
        """
        if self.blobs.size(sha256) != size:
            raise Refusal(400, f"LFS object {sha256} of {size} bytes was not uploaded")
        return StoredFile(size, sha256, object_id("blob", lfs_pointer(sha256, size)), lfs=True)

    def add_commit(
        self, name: str, branch: str, edits: list[Edit], *, parent: str | None, author: str, title: str, message: str
    ) -> str:
        """Carry out ``edits`` on the head of ``branch``, all or none; the new head, or the old one if nothing changed.

        Raises:
            Refusal: 404, there is no such branch; 412, ``parent`` is not its head; 400, a path is a file and a folder.
        """
        with self._lock:
            repository = self.repository(name)
            if branch not in repository.branches:
                raise Refusal(404, f"Invalid rev id: {shown(branch)}", "RevisionNotFound")
            head = repository.branches[branch]
            if parent not in (None, head):
                raise Refusal(412, "A commit has happened since. Please refresh and try again.")
            before = self.commit(name, head).files
            files = dict(before)
            for edit in edits:
                edit(files)
            for path in files:
                if clash := next((up for up in _parents(path) if up in files), None):
                    raise Refusal(400, f'"{shown(clash)}" would be a file and a folder')
            if files == before:
                return head
            commit = self._add_commit(name, head, author, title, message, files)
            repository.branches[branch] = commit.id
            self._save(repository)
            return commit.id

    def _add_commit(
        self, name: str, parent: str | None, author: str, title: str, message: str, files: dict[str, StoredFile]
    ) -> Commit:
        seconds = int(time.time())
        tree = folder_ids({path: file.oid for path, file in files.items()})[""]
        commit = Commit(
            commit_id(tree, parent, author, seconds, title, message), parent, author, seconds, title, message, files
        )
        write_whole(self._commit_file(name, commit.id), json.dumps(asdict(commit)).encode(), self._incoming)
        return commit

    def _save(self, repository: Repository) -> None:
        path = self._home(repository.name) / "repository.json"
        write_whole(path, json.dumps(asdict(repository)).encode(), self._incoming)

    def _home(self, name: str) -> Path:
        return self._folder / checked_repo(name)

    def _commit_file(self, name: str, commit: str) -> Path:
        return self._home(name) / "commits" / f"{commit}.json"


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]
