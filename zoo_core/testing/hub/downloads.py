"""Downloads: whole files and ranges of them, from here or from another host name."""

from __future__ import annotations

import re
from collections.abc import Callable

from zoo_core.errors import shown
from zoo_core.testing.hub.access import Access
from zoo_core.testing.hub.exchange import FilePart, Reply, Request
from zoo_core.testing.hub.refusals import Refusal, checked_path, checked_repo, checked_sha256
from zoo_core.testing.hub.store import Store

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Downloads:
    """``other_host`` gives the base address of the second host, or is None where files come from here."""

    def __init__(self, store: Store, access: Access, other_host: Callable[[Request], str] | None) -> None:
        self._store = store
        self._access = access
        self._other_host = other_host

    def resolve(self, request: Request) -> Reply:
        """A file of a repository at a revision."""
        name, revision, path = request.arguments
        checked_repo(name)
        checked_path(path)
        try:
            repository = self._store.repository(name)
        except Refusal:
            raise self._access.not_found(request.user, name) from None
        self._access.may_download(request.user, repository)
        commit = self._store.commit(name, self._store.resolve(repository, revision))
        headers = {"X-Repo-Commit": commit.id}
        file = commit.files.get(path)
        if file is None:
            raise Refusal(404, f"{shown(path)} does not exist on {shown(revision)}", "EntryNotFound", headers)
        headers["ETag"] = f'"{file.sha256 if file.lfs else file.oid}"'
        if file.lfs:
            headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(file.size)}
            if self._other_host is not None:
                signature = self._access.signature("download", name, file.sha256)
                link = f"{self._other_host(request)}/cdn/{name}/{file.sha256}?signature={signature}"
                return Reply(302, {**headers, "Location": link})
        return self._content(request, file.sha256, headers)

    def elsewhere(self, request: Request) -> Reply:
        """An LFS file at the second host: whoever has the link may have the file."""
        name, sha256 = request.arguments
        self._access.check_signature(request.query.get("signature", [""])[0], "download", name, sha256)
        return self._content(request, checked_sha256(sha256), {"ETag": f'"{sha256}"'})

    def _content(self, request: Request, sha256: str, headers: dict[str, str]) -> Reply:
        size = self._store.blobs.size(sha256) or 0
        headers |= {
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
            "X-Content-Type-Options": "nosniff",
        }
        path = self._store.blobs.path(sha256)
        wanted = _RANGE.fullmatch(request.headers.get("range", ""))
        # Several ranges at once are answered with the whole file, as HTTP allows.
        if wanted is None or not any(wanted.groups()):
            return Reply(200, headers, FilePart(path, 0, size))
        first, last = wanted.groups()
        start = int(first) if first else max(0, size - int(last))
        stop = min(size, int(last) + 1) if first and last else size
        if start >= stop:
            raise Refusal(416, "the range is not in the file", headers={"Content-Range": f"bytes */{size}"})
        return Reply(206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}, FilePart(path, start, stop))
