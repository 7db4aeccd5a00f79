"""The Hub server, driven by the unmodified huggingface_hub client."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, urlsplit

import huggingface_hub.constants
import numpy as np
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    BadRequestError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors.numpy import load_file, save

from zoo_core.cli.hub import read_tokens
from zoo_core.errors import SettingError
from zoo_core.testing.hub import Fault, HubServer
from zoo_core.testing.hub.git_objects import folder_ids, object_id

REPO = "org/model"
WEIGHTS = save({"weight": np.arange(5000, dtype=np.float32), "bias": np.zeros(10, dtype=np.float16)})
FILES = {
    "README.md": b"---\nlicense: mit\ntags: [vae, zoo]\nlibrary_name: zoo\n---\n# A model\n",
    "config.json": b'{"format": 1}',
    "model.safetensors": WEIGHTS,
    "pictures/samples.png": b"\x89PNG" + bytes(range(256)),
}


@pytest.fixture(autouse=True)
def _plain_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The client's waits before it tries again, which last no time."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    with HubServer(tmp_path / "hub") as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "upload" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "upload"


@pytest.fixture
def pushed(hub: HubServer, folder: Path) -> SimpleNamespace:
    """A client, and the commit of a repository with FILES."""
    api = HfApi(endpoint=hub.endpoint, token="secret")
    api.create_repo(REPO)
    commit = api.upload_folder(repo_id=REPO, folder_path=folder).oid
    hub.clear()
    return SimpleNamespace(api=api, commit=commit)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A server, a client and a commit that many tests look at, none of which may change anything."""
    with HubServer(tmp_path_factory.mktemp("standing")) as hub:
        api = HfApi(endpoint=hub.endpoint, token="secret")
        api.create_repo(REPO)
        weights, config = (CommitOperationAdd(name, FILES[name]) for name in ("model.safetensors", "config.json"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
            commit = api.create_commit(REPO, [weights, config], commit_message="files").oid
        yield SimpleNamespace(hub=hub, api=api, commit=commit)


def ask(hub: HubServer, method: str, path: str, body: bytes | None = None, **headers: str) -> http.client.HTTPResponse:
    """A request as it stands: no client in between tidies its path."""
    connection = http.client.HTTPConnection(urlsplit(hub.endpoint).netloc, timeout=10)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.content = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def calls(hub: HubServer, method: str, part: str = "") -> list[int]:
    return [record.status for record in hub.requests if record.method == method and part in record.path]


# -- publishing


def test_an_upload_comes_back_as_it_was(pushed: SimpleNamespace, tmp_path: Path) -> None:
    there = Path(pushed.api.snapshot_download(REPO, cache_dir=tmp_path / "cache"))
    assert {name: (there / name).read_bytes() for name in FILES} == FILES
    assert load_file(there / "model.safetensors")["weight"][4999] == 4999
    assert there.name == pushed.commit


def test_creating_twice_is_a_conflict_unless_it_is_allowed(hub: HubServer) -> None:
    api = HfApi(endpoint=hub.endpoint, token="secret")
    url = api.create_repo(REPO)
    assert url == f"{hub.endpoint}/{REPO}" == api.create_repo(REPO, exist_ok=True)
    for name in (REPO, "org/Model"):
        with pytest.raises(HfHubHTTPError) as error:
            api.create_repo(name)
        assert error.value.response.status_code == 409


def test_an_unchanged_upload_makes_no_commit_and_sends_no_weights(
    hub: HubServer, pushed: SimpleNamespace, folder: Path
) -> None:
    assert pushed.api.upload_folder(repo_id=REPO, folder_path=folder).oid == pushed.commit
    assert calls(hub, "PUT") == []
    assert len(pushed.api.list_repo_commits(REPO)) == 2


def test_weights_that_are_stored_already_are_not_sent_again(
    hub: HubServer, pushed: SimpleNamespace, folder: Path
) -> None:
    pushed.api.create_repo("org/copy")
    pushed.api.upload_folder(repo_id="org/copy", folder_path=folder)
    assert calls(hub, "PUT") == []
    assert (
        pushed.api.get_paths_info("org/copy", "model.safetensors")[0].lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    )


def test_file_ids_are_those_of_git_and_the_sha256_of_the_weights(pushed: SimpleNamespace) -> None:
    weights, readme, pictures = pushed.api.get_paths_info(
        REPO, ["model.safetensors", "README.md", "pictures", "absent"], revision=pushed.commit
    )
    assert weights.lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert weights.lfs.size == weights.size == len(WEIGHTS)
    content = FILES["README.md"]
    assert readme.blob_id == hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    assert readme.lfs is None
    assert pictures.path == "pictures"


def test_object_ids_are_those_that_git_computes(tmp_path: Path) -> None:
    # `git hash-object` of a file with "hello", and git's id of the empty tree.
    assert object_id("blob", b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert folder_ids({})[""] == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    # "a-b" sorts before the folder "a", whose name counts as "a/"; b.txt after both.
    names = ["a/x", "a-b", "a/c/y", "b.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"hello\n")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    tree = subprocess.run(
        ["git", "write-tree"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert folder_ids(dict.fromkeys(names, object_id("blob", b"hello\n")))[""] == tree


def test_model_info_has_files_card_and_commit(pushed: SimpleNamespace) -> None:
    info = pushed.api.model_info(REPO, files_metadata=True)
    assert info.sha == pushed.commit
    assert {file.rfilename for file in info.siblings} == {*FILES, ".gitattributes"}
    assert (info.card_data.license, info.tags, info.library_name) == ("mit", ["vae", "zoo"], "zoo")
    assert (info.private, info.gated) == (False, False)
    assert {file.rfilename for file in info.siblings if file.lfs} == {"model.safetensors"}


def test_a_card_whose_metadata_are_not_yaml_is_refused(standing: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="Invalid metadata in README"):
        standing.api.upload_file(repo_id=REPO, path_in_repo="README.md", path_or_fileobj=b"---\na: [1\n---\n")


def test_metadata_that_grow_without_bound_are_refused(standing: SimpleNamespace) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    answer = ask(standing.hub, "POST", "/api/validate-yaml", json.dumps({"content": f"---\n{bomb}---\n"}).encode())
    assert answer.status == 400


def test_a_commit_on_a_stale_parent_is_refused_and_changes_nothing(pushed: SimpleNamespace) -> None:
    def add(name: str) -> str:
        operation = CommitOperationAdd(name, b"x")
        return pushed.api.create_commit(REPO, [operation], commit_message=name, parent_commit=pushed.commit).oid

    head = add("first.txt")
    with pytest.raises(HfHubHTTPError) as error:
        add("second.txt")
    assert error.value.response.status_code == 412
    assert pushed.api.model_info(REPO).sha == head
    assert not pushed.api.file_exists(REPO, "second.txt")


def test_files_and_folders_are_deleted_and_their_history_stays(pushed: SimpleNamespace) -> None:
    pushed.api.delete_file("config.json", REPO)
    pushed.api.create_commit(REPO, [CommitOperationDelete("pictures/")], commit_message="no pictures")
    assert pushed.api.list_repo_files(REPO) == [".gitattributes", "README.md", "model.safetensors"]
    assert pushed.api.file_exists(REPO, "pictures/samples.png", revision=pushed.commit)
    with pytest.raises(EntryNotFoundError):
        pushed.api.delete_file("config.json", REPO)


def test_history_is_told_newest_first(pushed: SimpleNamespace) -> None:
    pushed.api.upload_file(
        repo_id=REPO, path_in_repo="a.txt", path_or_fileobj=b"a", commit_message="title", commit_description="why"
    )
    newest, middle, first = pushed.api.list_repo_commits(REPO)
    assert (newest.title, newest.message, newest.authors) == ("title", "why", ["anyone"])
    assert (middle.commit_id, first.title) == (pushed.commit, "initial commit")


def test_branches_and_tags_are_made_listed_moved_apart_and_deleted(pushed: SimpleNamespace) -> None:
    api = pushed.api
    api.create_tag(REPO, tag="v1.0", tag_message="first")
    api.create_branch(REPO, branch="feature/x", revision="v1.0")
    api.create_tag(REPO, tag="v1.0", exist_ok=True)
    api.create_branch(REPO, branch="feature/x", exist_ok=True)
    ahead = api.upload_file(repo_id=REPO, path_in_repo="a.txt", path_or_fileobj=b"a", revision="feature/x").oid
    refs = api.list_repo_refs(REPO)
    assert {ref.name: ref.target_commit for ref in refs.branches} == {"main": pushed.commit, "feature/x": ahead}
    assert {ref.name: ref.target_commit for ref in refs.tags} == {"v1.0": pushed.commit}
    with pytest.raises(HfHubHTTPError):
        api.create_tag(REPO, tag="v1.0")
    api.delete_tag(REPO, tag="v1.0")
    api.delete_branch(REPO, branch="feature/x")
    refs = api.list_repo_refs(REPO)
    assert (refs.tags, [ref.name for ref in refs.branches]) == ([], ["main"])
    with pytest.raises(HfHubHTTPError):
        api.delete_branch(REPO, branch="main")


def test_a_file_of_ten_megabytes_is_stored_as_lfs_whatever_its_name(pushed: SimpleNamespace) -> None:
    for size, lfs in ((9_999_999, False), (10_000_000, True)):
        pushed.api.upload_file(repo_id=REPO, path_in_repo="notes.txt", path_or_fileobj=bytes(size))
        (info,) = pushed.api.get_paths_info(REPO, "notes.txt")
        assert (info.size, info.lfs is not None) == (size, lfs)


def test_a_deleted_repository_is_gone_and_its_name_is_free(pushed: SimpleNamespace) -> None:
    pushed.api.delete_repo(REPO)
    with pytest.raises(RepositoryNotFoundError):
        pushed.api.model_info(REPO)
    with pytest.raises(RepositoryNotFoundError):
        pushed.api.delete_repo(REPO)
    pushed.api.delete_repo(REPO, missing_ok=True)
    pushed.api.create_repo(REPO)
    assert pushed.api.list_repo_files(REPO) == [".gitattributes"]


def test_all_is_there_again_when_the_server_starts_again(
    tmp_path: Path, pushed: SimpleNamespace, hub: HubServer
) -> None:
    pushed.api.create_tag(REPO, tag="v1.0")
    hub.set_private(REPO)
    hub.close()
    (tmp_path / "hub" / "incoming" / "half").write_bytes(b"of an upload when the server was killed")
    with HubServer(tmp_path / "hub") as again:
        api = HfApi(endpoint=again.endpoint, token="secret")
        there = Path(api.snapshot_download(REPO, revision="v1.0", cache_dir=tmp_path / "cache"))
        assert {name: (there / name).read_bytes() for name in FILES} == FILES
        assert api.model_info(REPO).private
        assert len(api.list_repo_commits(REPO)) == 2
    assert not list((tmp_path / "hub" / "incoming").iterdir())


# -- downloading


def test_a_branch_a_tag_and_a_commit_give_their_own_files(pushed: SimpleNamespace, tmp_path: Path) -> None:
    pushed.api.create_tag(REPO, tag="v1.0")
    pushed.api.upload_file(repo_id=REPO, path_in_repo="config.json", path_or_fileobj=b'{"format": 2}')

    def content(revision: str) -> bytes:
        path = pushed.api.hf_hub_download(REPO, "config.json", revision=revision, cache_dir=tmp_path / "cache")
        return Path(path).read_bytes()

    assert content("main") == b'{"format": 2}'
    assert content("v1.0") == content(pushed.commit) == FILES["config.json"]
    assert pushed.api.resolve_revision(REPO, revision="v1.0").resolved == pushed.commit


def test_what_is_not_there_is_named_by_its_kind(pushed: SimpleNamespace, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(RevisionNotFoundError):
        pushed.api.hf_hub_download(REPO, "config.json", revision="v9", cache_dir=cache)
    with pytest.raises(RevisionNotFoundError):
        pushed.api.hf_hub_download(REPO, "config.json", revision="0" * 40, cache_dir=cache)
    with pytest.raises(EntryNotFoundError):
        pushed.api.hf_hub_download(REPO, "absent.json", cache_dir=cache)
    with pytest.raises(RepositoryNotFoundError):
        pushed.api.hf_hub_download("org/absent", "config.json", cache_dir=cache)
    with pytest.raises(EntryNotFoundError):
        list(pushed.api.list_repo_tree(REPO, "absent"))
    assert not pushed.api.file_exists(REPO, "absent.json")
    assert not pushed.api.revision_exists(REPO, "v9")


def test_the_tree_is_listed_by_folder_or_whole(pushed: SimpleNamespace) -> None:
    def paths(**options: object) -> list[str]:
        return [entry.path for entry in pushed.api.list_repo_tree(REPO, **options)]

    top = [".gitattributes", "README.md", "config.json", "model.safetensors", "pictures"]
    assert paths() == top
    assert paths(recursive=True) == [*top, "pictures/samples.png"]
    assert paths(path_in_repo="pictures") == ["pictures/samples.png"]


def test_the_header_of_weights_is_read_without_the_weights(pushed: SimpleNamespace, hub: HubServer) -> None:
    big = save({"weight": np.zeros(500_000, dtype=np.float32)})
    pushed.api.upload_file(repo_id=REPO, path_in_repo="model.safetensors", path_or_fileobj=big)
    hub.clear()
    metadata = pushed.api.get_safetensors_metadata(REPO)
    assert metadata.parameter_count == {"F32": 500_000}
    assert sum(record.bytes_sent for record in hub.requests) < 150_000 < len(big)


@pytest.mark.parametrize("wanted, status, part", [
    ("bytes=0-7", 206, slice(0, 8)), ("bytes=100-", 206, slice(100, None)), ("bytes=-5", 206, slice(-5, None)),
    ("bytes=8-99999999", 206, slice(8, None)), ("bytes=99999999-", 416, None), ("bytes=9-3", 416, None),
    ("bytes=-0", 416, None), ("bytes=0-1,4-5", 200, slice(None)), ("lines=1-2", 200, slice(None)),
])  # fmt: skip
def test_ranges(standing: SimpleNamespace, wanted: str, status: int, part: slice | None) -> None:
    answer = ask(standing.hub, "GET", f"/{REPO}/resolve/main/model.safetensors", Range=wanted)
    assert answer.status == status
    if part is not None:
        assert answer.content == WEIGHTS[part]
    if status == 206:
        start = part.indices(len(WEIGHTS))[0]
        stop = start + len(WEIGHTS[part])
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(WEIGHTS)}"
    if status == 416:
        assert answer.headers["Content-Range"] == f"bytes */{len(WEIGHTS)}"


def test_head_tells_commit_etag_and_size(standing: SimpleNamespace) -> None:
    answer = ask(standing.hub, "HEAD", f"/{REPO}/resolve/main/model.safetensors")
    sha256 = hashlib.sha256(WEIGHTS).hexdigest()
    assert (answer.status, answer.headers["X-Repo-Commit"], answer.headers["ETag"]) == (
        200,
        standing.commit,
        f'"{sha256}"',
    )
    assert answer.headers["X-Linked-Etag"] == f'"{sha256}"'
    assert answer.headers["X-Linked-Size"] == answer.headers["Content-Length"] == str(len(WEIGHTS))
    assert answer.content == b""


def test_a_redirecting_server_gives_weights_from_a_second_host_that_gets_no_token(folder: Path, tmp_path: Path) -> None:
    with HubServer(tmp_path / "hub", tokens={"secret": "alice"}, redirect=True) as hub:
        api = HfApi(endpoint=hub.endpoint, token="secret")
        api.create_repo("alice/model", private=True)
        api.upload_folder(repo_id="alice/model", folder_path=folder)
        hub.clear()
        there = Path(api.snapshot_download("alice/model", cache_dir=tmp_path / "cache"))
        assert (there / "model.safetensors").read_bytes() == WEIGHTS
        assert api.get_safetensors_metadata("alice/model").parameter_count == {"F32": 5000, "F16": 10}
        second = [record for record in hub.requests if record.host.startswith("localhost")]
        assert second and {record.path for record in second} == {
            f"/cdn/alice/model/{hashlib.sha256(WEIGHTS).hexdigest()}"
        }
        assert not any(record.has_authorization for record in second)
        assert all(record.has_authorization for record in hub.requests if record not in second)
        assert ask(hub, "GET", second[0].path).status == 403


# -- who may do what


@pytest.fixture
def shared(tmp_path: Path, folder: Path) -> Iterator[tuple[HubServer, Callable[[str | bool], HfApi]]]:
    """A server with two users, alice and bob, a public and a private repository of alice's."""
    with HubServer(tmp_path / "hub", tokens={"a": "alice", "b": "bob"}) as hub:

        def client(token: str | bool) -> HfApi:
            return HfApi(endpoint=hub.endpoint, token=token)

        for name, private in (("alice/public", False), ("alice/private", True)):
            client("a").create_repo(name, private=private)
            client("a").upload_folder(repo_id=name, folder_path=folder)
        yield hub, client


def test_a_token_stands_for_its_user(shared: tuple[HubServer, Callable[[str | bool], HfApi]]) -> None:
    _, client = shared
    assert client("a").whoami()["name"] == "alice"
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        client("wrong").whoami()
    assert client("b").create_repo("mine").repo_id == "bob/mine"


def test_a_private_repository_is_not_there_for_others(
    shared: tuple[HubServer, Callable[[str | bool], HfApi]], tmp_path: Path
) -> None:
    hub, client = shared
    assert client("a").model_info("alice/private").private
    for token, status in (("b", 404), (False, 401)):
        with pytest.raises(RepositoryNotFoundError) as error:
            client(token).model_info("alice/private")
        assert error.value.response.status_code == status
        with pytest.raises(RepositoryNotFoundError):
            client(token).hf_hub_download("alice/private", "config.json", cache_dir=tmp_path / "cache")
    assert client(False).model_info("alice/public").private is False
    hub.set_private("alice/public")
    with pytest.raises(RepositoryNotFoundError):
        client(False).model_info("alice/public")


def test_others_may_not_write(shared: tuple[HubServer, Callable[[str | bool], HfApi]]) -> None:
    _, client = shared
    for token, status in (("b", 403), (False, 401)):
        for attempt in (
            lambda api: api.upload_file(repo_id="alice/public", path_in_repo="x.txt", path_or_fileobj=b"x"),
            lambda api: api.create_tag("alice/public", tag="v1"),
            lambda api: api.create_repo("alice/new"),
            lambda api: api.delete_repo("alice/public"),
        ):
            with pytest.raises(HfHubHTTPError) as error:
                attempt(client(token))
            assert error.value.response.status_code == status
    assert not client("a").file_exists("alice/public", "x.txt")
    assert client("a").list_repo_refs("alice/public").tags == []


def test_a_gated_repository_shows_itself_but_gives_its_files_to_those_on_its_list(
    shared: tuple[HubServer, Callable[[str | bool], HfApi]], tmp_path: Path
) -> None:
    hub, client = shared
    hub.set_gated("alice/public")
    for token, status in (("b", 403), (False, 401)):
        assert client(token).model_info("alice/public").gated == "manual"
        with pytest.raises(GatedRepoError) as error:
            client(token).hf_hub_download("alice/public", "config.json", cache_dir=tmp_path / "cache")
        assert error.value.response.status_code == status
    hub.set_gated("alice/public", users=["bob"])
    assert client("b").hf_hub_download("alice/public", "config.json", cache_dir=tmp_path / "cache")
    assert client("a").hf_hub_download("alice/public", "config.json", cache_dir=tmp_path / "other")


def test_settings_of_a_repository_can_be_changed(shared: tuple[HubServer, Callable[[str | bool], HfApi]]) -> None:
    _, client = shared
    client("a").update_repo_settings("alice/private", private=False, gated="manual")
    info = client(False).model_info("alice/private")
    assert (info.private, info.gated) == (False, "manual")


def test_an_upload_needs_a_link_of_this_server_and_the_bytes_that_it_is_for(
    hub: HubServer, pushed: SimpleNamespace
) -> None:
    content = b"weights"
    sha256 = hashlib.sha256(content).hexdigest()
    assert ask(hub, "PUT", f"/lfs/{REPO}/{sha256}?size=7&signature={'0' * 64}", content).status == 403
    batch = json.dumps({"objects": [{"oid": sha256, "size": 7}]}).encode()
    answer = json.loads(ask(hub, "POST", f"/{REPO}.git/info/lfs/objects/batch", batch).content)
    link = answer["objects"][0]["actions"]["upload"]["href"].removeprefix(hub.endpoint)
    for wrong in (b"Weights", b"weight", b"weights!"):
        assert ask(hub, "PUT", link, wrong).status == 400
    commit = {"key": "lfsFile", "value": {"path": "w.bin", "oid": sha256, "size": 7, "algo": "sha256"}}
    assert ask(hub, "POST", f"/api/models/{REPO}/commit/main", json.dumps(commit).encode()).status == 400
    assert ask(hub, "PUT", link, content).status == 200
    assert ask(hub, "POST", f"/api/models/{REPO}/commit/main", json.dumps(commit).encode()).status == 200


# -- what is refused


@pytest.mark.parametrize("path", [
    "../x", "a/../../x", "/etc/x", "a//b", "a/./b", "a\\b", "a\x00b", "a\nb", "", ".git/config", "x" * 300, "a\udc80b", 7,
    {"a": 1},
])  # fmt: skip
@pytest.mark.parametrize("key", ["file", "deletedFile", "deletedFolder"])
def test_paths_that_are_no_file_of_a_repository_are_refused(standing: SimpleNamespace, key: str, path: object) -> None:
    line = json.dumps({"key": key, "value": {"path": path, "content": "eA==", "encoding": "base64"}}).encode()
    assert ask(standing.hub, "POST", f"/api/models/{REPO}/commit/main", line).status == 400
    assert standing.api.model_info(REPO).sha == standing.commit


@pytest.mark.parametrize("path", ["../../repository.json", "/etc/hostname", "..\\x", "a\x01b"])
def test_downloads_stay_inside_the_repository(standing: SimpleNamespace, path: str) -> None:
    for written in (quote(path, safe=""), quote(path, safe="/.")):
        assert ask(standing.hub, "GET", f"/{REPO}/resolve/main/{written}").status == 400


@pytest.mark.parametrize(
    "name", ["..", "a/..", "../a", "a/b/c", "a/b\\c", "a/.b", "a/b.git", "a/b--c", "a/" + "b" * 200, "a/b\n"]
)
def test_names_that_are_no_repository_are_refused(standing: SimpleNamespace, name: str) -> None:
    organization, _, short = name.partition("/")
    body = json.dumps({"name": short, "organization": organization}).encode()
    assert ask(standing.hub, "POST", "/api/repos/create", body).status == 400
    # As an address, a name with more or fewer slashes is another route, which does not exist.
    assert ask(standing.hub, "GET", f"/api/models/{quote(organization, safe='')}/{quote(short, safe='')}").status in (
        400,
        404,
    )
    assert {record.status for record in standing.hub.requests if record.path == "/api/repos/create"} == {200, 400}


@pytest.mark.parametrize("ref", ["..", "a..b", "/a", "a/", "a b", "-a", "a.lock", "a\\b", "", "0" * 40, "a\x1b[0m"])
def test_names_that_are_no_branch_or_tag_are_refused(standing: SimpleNamespace, ref: str) -> None:
    with pytest.raises(BadRequestError):
        standing.api.create_tag(REPO, tag=ref)


@pytest.mark.parametrize("body", [
    b"{", b"[]", b'"x"', b"[" * 100_000, b'{"key": "file"}', b'{"key": "file", "value": {"path": "a", "content": "?"}}',
    b'{"key": "file", "value": {"path": "a", "content": 7}}', b'{"key": "lfsFile", "value": {"path": "a", "oid": "../x", "size": 1}}',
    b'{"key": "unknown", "value": {"path": "a"}}', b"\xff\xfe",
    b'{"key": "file", "value": {"path": "config.json/x", "content": ""}}',
])  # fmt: skip
def test_damaged_commits_are_refused_whole(standing: SimpleNamespace, body: bytes) -> None:
    good = b'{"key": "file", "value": {"path": "good.txt", "content": ""}}\n'
    assert ask(standing.hub, "POST", f"/api/models/{REPO}/commit/main", good + body).status == 400
    assert standing.api.model_info(REPO).sha == standing.commit


def test_pages_in_a_browser_cannot_write_to_a_hub_on_the_same_machine(hub: HubServer) -> None:
    body = json.dumps({"name": "model", "organization": "org"}).encode()
    assert ask(hub, "POST", "/api/repos/create", body, Origin="http://elsewhere.example").status == 403
    assert ask(hub, "POST", "/api/repos/create", body, Host="elsewhere.example").status == 403
    assert ask(hub, "POST", "/api/repos/create", body).status == 200


# -- faults


def test_a_busy_server_is_asked_again_after_the_time_it_names(
    hub: HubServer, pushed: SimpleNamespace, waits: list[float]
) -> None:
    fault = hub.fault(Fault(kind="status", status=429, headers={"Retry-After": "3"}, matching="preupload", times=2))
    pushed.api.upload_file(repo_id=REPO, path_in_repo="x.txt", path_or_fileobj=b"x")
    assert (fault.hits, waits) == (2, [4.0, 4.0])  # the client adds a second
    assert calls(hub, "POST", "preupload") == [429, 429, 200]
    assert pushed.api.file_exists(REPO, "x.txt")


def test_a_status_is_answered_in_place_of_carrying_out(hub: HubServer, pushed: SimpleNamespace) -> None:
    with hub.fault(Fault(kind="status", status=500, matching="POST .*/tag/")), pytest.raises(HfHubHTTPError):
        pushed.api.create_tag(REPO, tag="v1")
    assert pushed.api.list_repo_refs(REPO).tags == []
    pushed.api.create_tag(REPO, tag="v1")


def test_a_download_that_is_cut_goes_on_where_it_ended(
    hub: HubServer, pushed: SimpleNamespace, waits: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client keeps what came in whole pieces of this size.
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 100)
    hub.fault(Fault(kind="cut", after_bytes=1000, matching="GET .*model.safetensors"))
    path = pushed.api.hf_hub_download(REPO, "model.safetensors", cache_dir=tmp_path / "cache")
    assert Path(path).read_bytes() == WEIGHTS
    sent = [record for record in hub.requests if record.method == "GET"]
    assert [(record.status, record.bytes_sent) for record in sent] == [(200, 1000), (206, len(WEIGHTS) - 1000)]


def test_an_upload_that_is_cut_leaves_nothing_and_is_sent_again(
    hub: HubServer, pushed: SimpleNamespace, waits: list[float], tmp_path: Path
) -> None:
    content = os.urandom(3_000_000)
    fault = hub.fault(Fault(kind="cut", after_bytes=100_000, matching="PUT /lfs"))
    pushed.api.upload_file(repo_id=REPO, path_in_repo="big.bin", path_or_fileobj=content)
    assert fault.hits == 1
    assert [(record.status, record.bytes_received) for record in hub.requests if record.method == "PUT"] == [
        (0, 100_000), (200, len(content)),
    ]  # fmt: skip
    assert Path(pushed.api.hf_hub_download(REPO, "big.bin", cache_dir=tmp_path / "cache")).read_bytes() == content
    assert not list((tmp_path / "hub" / "incoming").iterdir())


def test_a_commit_whose_answer_is_lost_has_been_made(
    hub: HubServer, pushed: SimpleNamespace, waits: list[float]
) -> None:
    with (
        hub.fault(Fault(kind="cut", after_bytes=1_000_000, matching="/commit/main")),
        pytest.raises(Exception, match=r"disconn|reset"),
    ):
        pushed.api.upload_file(repo_id=REPO, path_in_repo="x.txt", path_or_fileobj=b"x")
    assert pushed.api.file_exists(REPO, "x.txt")


def test_wrong_bytes_have_the_length_and_headers_of_the_right_ones(
    hub: HubServer, pushed: SimpleNamespace, tmp_path: Path
) -> None:
    hub.fault(Fault(kind="wrong-bytes", after_bytes=500, matching="GET .*model.safetensors"))
    path = pushed.api.hf_hub_download(REPO, "model.safetensors", cache_dir=tmp_path / "cache")
    got = Path(path).read_bytes()
    assert [place for place in range(len(WEIGHTS)) if got[place] != WEIGHTS[place]] == [500]


def test_wrong_bytes_of_an_upload_are_noticed(hub: HubServer, pushed: SimpleNamespace) -> None:
    hub.fault(Fault(kind="wrong-bytes", matching="PUT /lfs"))
    with pytest.raises(RuntimeError, match=r"uploading 'w\.bin'"):
        pushed.api.upload_file(repo_id=REPO, path_in_repo="w.bin", path_or_fileobj=b"weights")
    assert not pushed.api.file_exists(REPO, "w.bin")


def test_a_slow_answer_comes_after_the_client_has_given_up(hub: HubServer, pushed: SimpleNamespace) -> None:
    import httpx2

    # The server's wait ends with the server, not after its hour.
    with hub.fault(Fault(kind="slow", seconds=3600)) as fault, pytest.raises(httpx2.TimeoutException):
        pushed.api.model_info(REPO, timeout=0.05)
    assert fault.hits == 1
    assert pushed.api.model_info(REPO, timeout=10).sha == pushed.commit


def test_a_refused_connection_is_tried_again(hub: HubServer, pushed: SimpleNamespace, waits: list[float]) -> None:
    hub.fault(Fault(kind="refuse", matching="preupload"))
    pushed.api.upload_file(repo_id=REPO, path_in_repo="x.txt", path_or_fileobj=b"x")
    assert waits == [1.0]
    assert calls(hub, "POST", "preupload") == [0, 200]


def test_a_fault_hits_the_request_that_it_names(hub: HubServer) -> None:
    def statuses(count: int) -> list[int]:
        return [ask(hub, "GET", "/api/whoami-v2", Authorization="Bearer x").status for _ in range(count)]

    with hub.fault(Fault(kind="status", status=503, at=2, times=2)) as fault:
        assert statuses(4) == [200, 503, 503, 200]
        assert fault.hits == 2
    with hub.fault(Fault(kind="status", status=503, times=100)):
        assert statuses(2) == [503, 503]
    assert statuses(1) == [200]
    hub.fault(Fault(kind="status", status=503, matching="^GET /api/other$"))
    assert statuses(1) == [200]
    for wrong in ({"at": 0}, {"times": 0}, {"after_bytes": -1}, {"status": 99}):
        with pytest.raises(SettingError):
            Fault(kind="status", **wrong)


def test_a_body_in_chunks_is_read_to_its_end_and_no_further(hub: HubServer) -> None:
    body = json.dumps({"name": "model", "organization": "org"}).encode()
    head = "Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:5], body[5:])) + b"0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(hub.endpoint).port), timeout=10) as connection:
        connection.sendall(f"POST /api/repos/create HTTP/1.1\r\n{head}".encode() + chunks)
        connection.sendall(b"GET /api/models/org/model HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answers = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 200 OK") == 2


def test_a_closed_server_answers_no_more(tmp_path: Path) -> None:
    with HubServer(tmp_path / "hub") as hub:
        connection = http.client.HTTPConnection(urlsplit(hub.endpoint).netloc, timeout=10)
        connection.request("GET", "/api/models/org/absent")
        connection.getresponse().read()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        connection.request("GET", "/api/models/org/absent")
        connection.getresponse()
    connection.close()


# -- from a terminal


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "tokens").write_text("# who may write\nsecret alice\n\n")
    command = "import sys; from zoo_core.cli.hub import *; p = argparse.ArgumentParser(); configure(p); sys.exit(run(p.parse_args()))"
    arguments = ["serve", str(tmp_path / "hub"), "--port", "0", "--token-file", str(tmp_path / "tokens")]
    # Run in the background, a shell's children ignore the interrupt; a person's terminal does not.
    started = {
        "stdout": subprocess.PIPE,
        "text": True,
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    }
    with subprocess.Popen([sys.executable, "-c", command, *arguments], **started) as process:
        line = process.stdout.readline()
        word, endpoint, xet = line.split()
        api = HfApi(endpoint=endpoint.removeprefix("HF_ENDPOINT="), token="secret")
        assert (word, xet, api.whoami()["name"]) == ("export", "HF_HUB_DISABLE_XET=1", "alice")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0


def test_addresses_that_cannot_be_had_are_one_clear_line(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be had: Address already in use; choose another --port"):
        HubServer(tmp_path / "other", port=urlsplit(hub.endpoint).port)
    with pytest.raises(SettingError, match="redirecting works between"):
        HubServer(tmp_path / "other", host="0.0.0.0", redirect=True)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingError, match="cannot be written"):
        HubServer(tmp_path / "file")


def test_a_damaged_token_file_is_told_without_its_tokens(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("one alice\nsecret\n")
    with pytest.raises(SettingError) as error:
        read_tokens(tmp_path / "tokens")
    assert "line 2" in str(error.value) and "secret" not in str(error.value)
    with pytest.raises(SettingError, match="cannot be read"):
        read_tokens(tmp_path / "absent")
