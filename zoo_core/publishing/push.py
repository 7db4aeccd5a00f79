"""Publishing a model on the Hub: one commit on a known parent, compared with what was sent before it is called done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from huggingface_hub.hf_api import RepoFile

from zoo_core.errors import HubError, shown
from zoo_core.hub.client import api, reachable, translate_hub_errors, unreachable
from zoo_core.hub.download import check_repo, is_as_listed, sha256
from zoo_core.model import Model
from zoo_core.publishing.staging import Staged, stage

OURS = (
    "config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*-of-*.safetensors",
    "metrics.json",
    "pictures/*.png",
)
"""Files of an earlier push that go when this one does not have them: a repository holds one model."""


@dataclass(frozen=True)
class Pushed:
    """A model that stands on the Hub.

    Arguments:
        repo, commit: where, and at which commit.
        url: its page.
        files: name to sha256 of what was published.
        changed: False where all of it stood there already.
    """

    repo: str
    commit: str
    url: str
    files: dict[str, str]
    changed: bool


def push(
    model: Model | str | Path,
    repo: str,
    *,
    license: str | None = None,
    private: bool = False,
    branch: str | None = None,
    tag: str | None = None,
    message: str | None = None,
    run: str | Path | None = None,
    max_shard_size: int | str = "5GB",
) -> Pushed:
    """Publish a model: config, weights, card, figures and pictures, in one commit.

    The commit has as its parent what stands there now, so that nobody's work is overwritten unseen, and the hashes of what
    arrived are compared before this returns. An interrupted push is finished by another.

    Arguments:
        model: a model, or the folder of one.
        repo: ``org/name``; made if it is not there.
        license: an identifier such as ``"mit"``; may be left out where the folder's card names one.
        private: for a repository that is made now.
        branch: where to; None is the default branch.
        tag: also call this commit so, for instance ``"v1.0"``.
        run: the folder that ``model`` was trained in; its settings, figures and pictures go into the card.

    Raises:
        SettingError: no licence.
        HubError: the Hub cannot be reached, refuses, or stored something else.
    """
    check_repo(repo)
    with staged(model, repo, licence=license, run=run, max_shard_size=max_shard_size) as ready:
        if not reachable():
            raise unreachable(repo, "push")
        with translate_hub_errors(repo, branch, doing="push"):
            return _commit(ready, repo, private, branch, tag, message)


@contextmanager
def staged(
    model: Model | str | Path,
    repo: str,
    *,
    licence: str | None = None,
    run: str | Path | None = None,
    max_shard_size: int | str = "5GB",
) -> Iterator[Staged]:
    """A temporary folder with everything that would be published; see :func:`push`."""
    from zoo_core.hub.reference import locate
    from zoo_core.saving import load_folder

    if not isinstance(model, Model):
        found = locate(model)
        run = run or found.folder
        model = load_folder(found.folder, mmap=True, where=found.label)
    with TemporaryDirectory(prefix="zoo-push-") as folder:
        yield stage(
            model,
            Path(folder),
            repo=repo,
            licence=licence,
            run=None if run is None else Path(run),
            max_shard_size=max_shard_size,
        )


def _commit(
    ready: Staged, repo: str, private: bool, branch: str | None, tag: str | None, message: str | None
) -> Pushed:
    client = api()
    client.create_repo(repo, private=private, exist_ok=True)
    if branch is not None:
        client.create_branch(repo, branch=branch, exist_ok=True)
    info = client.repo_info(repo, revision=branch)
    if private and not info.private:
        raise HubError(
            f"{shown(repo)} is there already, and public", hint="make it private on its page, or leave --private out"
        )
    tags = {} if tag is None else {ref.name: ref.target_commit for ref in client.list_repo_refs(repo).tags}
    _check_tag(repo, tag, tags, info.sha)
    before = {f.path for f in client.list_repo_tree(repo, recursive=True, revision=info.sha) if isinstance(f, RepoFile)}
    stale = sorted(path for path in before - set(ready.files) if any(fnmatchcase(path, ours) for ours in OURS))
    commit = client.create_commit(
        repo,
        [
            *(CommitOperationAdd(path_in_repo=file, path_or_fileobj=ready.folder / file) for file in ready.files),
            *(CommitOperationDelete(path_in_repo=path) for path in stale),
        ],
        commit_message=message or "Publish the model",
        revision=branch,
        parent_commit=info.sha,
    )
    _compare(ready, repo, commit.oid)
    _check_tag(repo, tag, tags, commit.oid)
    if tag is not None:
        if tag not in tags:
            client.create_tag(repo, tag=tag, revision=commit.oid)
        if client.repo_info(repo, revision=tag).sha != commit.oid:
            raise HubError(f"{shown(repo)}: the tag {shown(tag)} did not arrive", hint="push again")
    digests = {file: sha256(ready.folder / file) for file in ready.files}
    return Pushed(repo, commit.oid, commit.repo_url.url, digests, commit.oid != info.sha)


def _check_tag(repo: str, tag: str | None, tags: Mapping[str, str], commit: str | None) -> None:
    """Refuse a tag that another commit has: people load by it, and what they get must not change."""
    if tag is not None and tags.get(tag, commit) != commit:
        raise HubError(
            f"{shown(repo)} has a tag {shown(tag)} already, at another commit ({shown(tags[tag][:7])})",
            hint="choose another tag; a tag stays where it is",
        )


def _compare(ready: Staged, repo: str, commit: str) -> None:
    """Hold what the Hub has now against what was sent."""
    infos = api().get_paths_info(repo, list(ready.files), revision=commit)
    arrived = {f.path: f for f in infos if isinstance(f, RepoFile)}
    for file in ready.files:
        there, path = arrived.get(file), ready.folder / file
        if there is None:
            raise HubError(
                f"{shown(repo)}: {file} did not arrive", hint="push again: what is there already is not sent twice"
            )
        if not is_as_listed(path, there):
            raise HubError(
                f"{shown(repo)}: {file} arrived damaged", hint="push again: what is there already is not sent twice"
            )
