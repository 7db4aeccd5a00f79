"""The addresses that the client calls, and what is done for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from zoo_core.errors import shown
from zoo_core.testing.hub.access import Access
from zoo_core.testing.hub.card import CardError, card_data
from zoo_core.testing.hub.changes import read_commit
from zoo_core.testing.hub.downloads import Downloads
from zoo_core.testing.hub.exchange import Reply, Request, json_reply
from zoo_core.testing.hub.refusals import Refusal, checked_path, checked_repo, checked_sha256
from zoo_core.testing.hub.store import LFS_SUFFIXES, REGULAR_LIMIT, Repository, Store
from zoo_core.testing.hub.views import commit_view, entries, model_view

Route = Callable[[Request], Reply]


class Routes:
    """The server's answers. ``other_host`` is where a redirecting server sends downloads of LFS files, or None."""

    def __init__(self, store: Store, access: Access, other_host: Callable[[Request], str] | None) -> None:
        self._store = store
        self._access = access
        downloads = Downloads(store, access, other_host)
        repo = r"/api/models/([^/]+/[^/]+)"
        self._table: list[tuple[str, re.Pattern[str], Route]] = [
            (method, re.compile(pattern), route)
            for method, pattern, route in (
                ("GET", r"/api/whoami-v2", self._whoami),
                ("POST", r"/api/repos/create", self._create),
                ("DELETE", r"/api/repos/delete", self._delete),
                ("POST", r"/api/validate-yaml", self._validate_card),
                ("GET", repo, self._model),
                ("GET", repo + r"/revision/([^/]+)", self._model),
                ("GET", repo + r"/tree/([^/]+)(?:/(.+))?", self._tree),
                ("GET", repo + r"/refs", self._refs),
                ("GET", repo + r"/commits/([^/]+)", self._commits),
                ("POST", repo + r"/paths-info/([^/]+)", self._paths),
                ("POST", repo + r"/preupload/([^/]+)", self._preupload),
                ("POST", repo + r"/commit/([^/]+)", self._commit),
                ("PUT", repo + r"/settings", self._settings),
                ("POST", repo + r"/branch/(.+)", self._add_branch),
                ("DELETE", repo + r"/branch/(.+)", self._delete_branch),
                ("POST", repo + r"/tag/([^/]+)", self._add_tag),
                ("DELETE", repo + r"/tag/(.+)", self._delete_tag),
                ("POST", r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", self._batch),
                ("PUT", r"/lfs/([^/]+/[^/]+)/([^/]+)", self._upload),
                ("GET", r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", downloads.resolve),
                ("GET", r"/cdn/([^/]+/[^/]+)/([^/]+)", downloads.elsewhere),
            )
        ]

    def answer(self, request: Request) -> Reply:
        """Carry out a request. HEAD is a GET whose body stays here.

        Raises:
            Refusal: it is not carried out.
        """
        method = "GET" if request.method == "HEAD" else request.method
        for known, pattern, route in self._table:
            if known == method and (match := pattern.fullmatch(request.path)):
                request.arguments = [unquote(part) for part in match.groups() if part is not None]
                return route(request)
        raise Refusal(404, f"this server has no {request.method} {shown(request.path)}")

    # -- repositories

    def _whoami(self, request: Request) -> Reply:
        if request.user is None:
            raise Refusal(401, "a token is needed")
        token = {"displayName": request.user, "role": "write"}
        return json_reply(
            {
                "type": "user",
                "id": request.user,
                "name": request.user,
                "fullname": request.user,
                "isPro": False,
                "orgs": [],
                "auth": {"type": "access_token", "accessToken": token},
            }
        )

    def _create(self, request: Request) -> Reply:
        wanted = request.json()
        name = self._named(request, wanted)
        self._access.may_create(request.user, name)
        private = wanted.get("visibility") == "private" or wanted.get("private") is True
        url = {"url": f"{request.base}/{name}", "name": name}
        try:
            self._store.create(name, author=request.user or "anyone", private=private)
        except Refusal as refusal:
            if refusal.status != 409:
                raise
            return json_reply({"error": refusal.what, **url}, 409)
        return json_reply(url)

    def _delete(self, request: Request) -> Reply:
        name = self._named(request, request.json())
        self._access.may_write(request.user, self._found(request, name))
        self._store.delete(name)
        return json_reply({})

    def _settings(self, request: Request) -> Reply:
        repository = self._written(request)
        wanted = request.json()
        if "visibility" in wanted:
            self._store.change(repository.name, private=wanted["visibility"] == "private")
        if "gated" in wanted:
            self._store.change(repository.name, gated=wanted["gated"] is not False)
        return json_reply({})

    def _model(self, request: Request) -> Reply:
        repository = self._read(request)
        revision = request.arguments[1] if len(request.arguments) > 1 else "main"
        commit = self._store.commit(repository.name, self._store.resolve(repository, revision))
        readme = commit.files.get("README.md")
        card: dict[str, Any] = {}
        if readme is not None and readme.size < REGULAR_LIMIT:
            try:
                card = card_data(self._store.blobs.path(readme.sha256).read_text("utf-8", "replace"))
            except CardError:
                card = {}
        return json_reply(model_view(repository, commit, card, blobs=_is_on(request, "blobs")))

    # -- reading

    def _tree(self, request: Request) -> Reply:
        repository = self._read(request)
        commit = self._store.commit(repository.name, self._store.resolve(repository, request.arguments[1]))
        folder = checked_path(request.arguments[2].rstrip("/")) if len(request.arguments) > 2 else ""
        found = entries(commit.files)
        if folder and found.get(folder, {}).get("type") != "directory":
            raise Refusal(404, f"{shown(folder)} does not exist on {shown(request.arguments[1])}", "EntryNotFound")
        inside = {
            path[len(folder) + bool(folder) :]: entry
            for path, entry in found.items()
            if not folder or path.startswith(f"{folder}/")
        }
        return json_reply([entry for path, entry in inside.items() if _is_on(request, "recursive") or "/" not in path])

    def _paths(self, request: Request) -> Reply:
        repository = self._read(request)
        commit = self._store.commit(repository.name, self._store.resolve(repository, request.arguments[1]))
        if "json" in request.headers.get("content-type", ""):
            paths = request.json().get("paths", [])
        else:
            paths = parse_qs(request.body.read(REGULAR_LIMIT).decode("utf-8", "replace")).get("paths", [])
        if not isinstance(paths, list):
            raise Refusal(400, "paths is a list")
        found = entries(commit.files)
        return json_reply([found[path] for path in map(checked_path, paths) if path in found])

    def _refs(self, request: Request) -> Reply:
        repository = self._read(request)
        branches, tags = (
            [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit} for name, commit in refs.items()]
            for kind, refs in (("heads", repository.branches), ("tags", repository.tags))
        )
        return json_reply({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})

    def _commits(self, request: Request) -> Reply:
        repository = self._read(request)
        head = self._store.resolve(repository, request.arguments[1])
        return json_reply([commit_view(commit) for commit in self._store.history(repository.name, head)])

    # -- writing

    def _validate_card(self, request: Request) -> Reply:
        try:
            card_data(str(request.json().get("content", "")))
        except CardError as error:
            return json_reply({"errors": [{"message": str(error)}], "warnings": []}, 400)
        return json_reply({"errors": [], "warnings": []})

    def _preupload(self, request: Request) -> Reply:
        repository = self._written(request)
        there = self._store.commit(repository.name, self._store.resolve(repository, request.arguments[1])).files
        answers = []
        for file in _objects(request.json().get("files")):
            path, size = checked_path(file.get("path")), file.get("size")
            if not isinstance(size, int):
                raise Refusal(400, "a file has no size")
            old = there.get(path)
            lfs = size >= REGULAR_LIMIT or path.lower().endswith(LFS_SUFFIXES)
            oid = None if old is None else old.sha256 if old.lfs else old.oid
            answers.append({"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False, "oid": oid})
        return json_reply({"files": answers})

    def _batch(self, request: Request) -> Reply:
        repository = self._written(request)
        answers: list[dict[str, Any]] = []
        for wanted in _objects(request.json().get("objects")):
            sha256, size = checked_sha256(wanted.get("oid")), wanted.get("size")
            if not isinstance(size, int) or size < 0:
                raise Refusal(400, "an object has no size")
            answer: dict[str, Any] = {"oid": sha256, "size": size}
            if self._store.blobs.size(sha256) != size:
                signature = self._access.signature("upload", repository.name, sha256, size)
                link = f"{request.base}/lfs/{quote(repository.name)}/{sha256}?size={size}&signature={signature}"
                answer["actions"] = {"upload": {"href": link, "header": {}}}
            answers.append(answer)
        reply = json_reply({"transfer": "basic", "objects": answers})
        return Reply(reply.status, {"Content-Type": "application/vnd.git-lfs+json"}, reply.body)

    def _upload(self, request: Request) -> Reply:
        name, sha256 = request.arguments
        size = request.query.get("size", [""])[0]
        self._access.check_signature(request.query.get("signature", [""])[0], "upload", name, sha256, size)
        self._store.blobs.receive(request.body, sha256, int(size))
        return Reply()

    def _commit(self, request: Request) -> Reply:
        repository = self._written(request)
        change = read_commit(request.body, self._store)
        commit = self._store.add_commit(
            repository.name,
            request.arguments[1],
            change.edits,
            parent=change.parent,
            author=request.user or "anyone",
            title=change.title,
            message=change.message,
        )
        url = f"{request.base}/{repository.name}/commit/{commit}"
        return json_reply({"success": True, "commitOid": commit, "commitUrl": url})

    def _add_branch(self, request: Request) -> Reply:
        start = request.json().get("startingPoint") or "main"
        self._store.set_ref(self._written(request).name, "branches", request.arguments[1], str(start))
        return json_reply({})

    def _delete_branch(self, request: Request) -> Reply:
        self._store.delete_ref(self._written(request).name, "branches", request.arguments[1])
        return json_reply({})

    def _add_tag(self, request: Request) -> Reply:
        self._store.set_ref(self._written(request).name, "tags", request.json().get("tag"), request.arguments[1])
        return json_reply({})

    def _delete_tag(self, request: Request) -> Reply:
        self._store.delete_ref(self._written(request).name, "tags", request.arguments[1])
        return json_reply({})

    # -- which repository, and for whom

    def _found(self, request: Request, name: str) -> Repository:
        try:
            return self._store.repository(name)
        except Refusal as refusal:
            raise (self._access.not_found(request.user, name) if refusal.status == 404 else refusal) from None

    def _read(self, request: Request) -> Repository:
        repository = self._found(request, request.arguments[0])
        self._access.may_read(request.user, repository)
        return repository

    def _written(self, request: Request) -> Repository:
        repository = self._found(request, request.arguments[0])
        self._access.may_write(request.user, repository)
        return repository

    def _named(self, request: Request, wanted: dict[str, Any]) -> str:
        if wanted.get("type") not in (None, "model"):
            raise Refusal(400, "this server keeps models only")
        return checked_repo(f"{wanted.get('organization') or request.user or 'anyone'}/{wanted.get('name')}")


def _is_on(request: Request, option: str) -> bool:
    return request.query.get(option, [""])[0].lower() in ("1", "true")


def _objects(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Refusal(400, "a list of objects was expected")
    return value
