"""Fetching a model from the Hub into huggingface_hub's cache, at one commit, each file held against its hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from zoo_core.errors import HubError, WeightsError, shown
from zoo_core.hub.client import api, reachable, translate_hub_errors, unreachable
from zoo_core.hub.external import refuse_unlisted
from zoo_core.tensors.reader import open_weights, read_index
from zoo_core.tensors.writer import INDEX, WEIGHTS

CONFIG = "config.json"
ABOUT = ("README.md", "metrics.json", "pictures/*.png")
COMMIT = re.compile(r"[0-9a-f]{40}")
DOWNLOADS = 8
"""Files at a time."""


@dataclass(frozen=True)
class Fetched:
    """A model in the cache.

    Arguments:
        folder: with config.json and the weights.
        repo, commit: what it is a snapshot of.
    """

    folder: Path
    repo: str
    commit: str


def resolve(repo: str, revision: str | None = None) -> str:
    """The commit that ``revision`` (a branch, a tag, a commit; None is the default branch) means now; without a network, the
    one that it meant when it was last asked for.

    Raises:
        HubError: there is no such repository or revision, or nobody can tell.
    """
    check_repo(repo)
    if revision is not None and COMMIT.fullmatch(revision):
        return revision  # nobody needs to be asked
    with translate_hub_errors(repo, revision):
        commit = api().resolve_revision(repo, revision=revision, local_files_only=not reachable()).resolved
        if COMMIT.fullmatch(commit) is None:
            raise ValueError(f"{commit!r} is no commit")
        return commit


def check_repo(repo: str) -> str:
    """``repo`` if it is ``org/name``.

    Raises:
        HubError: it is not.
    """
    try:
        validate_repo_id(repo)
    except HFValidationError:
        repo = ""
    if repo.count("/") != 1:
        raise HubError(f"{shown(repo)!r} is no name of a Hub repository", hint="write org/name[@revision]")
    return repo


def fetch(repo: str, revision: str | None = None, *, everything: bool = False, force: bool = False) -> Fetched:
    """Config and weights of a model, from the cache or from the Hub.

    Arguments:
        everything: the card, the figures and the pictures too.
        force: fetch again what is in the cache.

    Raises:
        HubError: the Hub does not give it, or gives something else than it says.
        PluginMissing, ConfigError: the config cannot be used here; nothing more is then fetched.
    """
    commit = resolve(repo, revision)
    cached = None if force or everything else in_cache(repo, commit)
    if cached is None and not reachable():
        cached = None if force else in_cache(repo, commit)
        if cached is None:
            raise unreachable(f"{repo}@{revision}" if revision else repo, "fetch")
    if cached is not None:
        _check_whole(cached, repo, commit)
        return Fetched(cached, repo, commit)
    listed = list_files(repo, commit)
    files = _download(repo, commit, listed, [CONFIG, INDEX, *(ABOUT if everything else ())], force)
    if CONFIG not in files:
        raise _lacks(repo, CONFIG)
    folder = files[CONFIG].parent
    _check_config(folder, f"{repo}@{commit[:7]}")
    weights = _weight_files(folder)
    files = _download(repo, commit, listed, weights, force)
    missing = [file for file in weights if file not in files]
    if missing:
        raise _lacks(repo, missing[0])
    return Fetched(folder, repo, commit)


def fetch_file(
    repo: str, file: str, revision: str | None = None, *, listed: Iterable[RepoFile] | None = None
) -> tuple[Path, str]:
    """One file of a repository, and the commit that it is from.

    Arguments:
        listed: the files of that commit, where they were asked for already.

    While a model is built from a config, only what that lists can be had; see :mod:`zoo_core.hub.external`.

    Raises:
        HubError: the Hub does not give it, or gives something else than it says.
    """
    refuse_unlisted(repo, file, revision)
    commit = resolve(repo, revision)
    cached = try_to_load_from_cache(repo, file, revision=commit)
    if isinstance(cached, str):
        return _inside_cache(Path(cached)), commit
    if not reachable():
        raise unreachable(f"{repo}@{revision}" if revision else repo, "fetch")
    files = _download(repo, commit, list_files(repo, commit) if listed is None else listed, [file], False)
    if file not in files:
        raise _lacks(repo, file)
    return files[file], commit


def _lacks(repo: str, file: str) -> HubError:
    why = ": it is no model of this zoo" if file == CONFIG else ""
    only = "weights are read from safetensors alone; " if file.endswith(".safetensors") else ""
    return HubError(f"{repo} has no {shown(file)}{why}", hint=f"{only}its page lists the files that it has")


def in_cache(repo: str, commit: str) -> Path | None:
    """The folder of a snapshot that has a config and all its weights; None where something is not there."""
    config = try_to_load_from_cache(repo, CONFIG, revision=commit)
    if not isinstance(config, str):
        return None
    folder = _inside_cache(Path(config)).parent
    files = _weight_files(folder)
    whole = bool(files) and all((folder / file).is_file() for file in files)
    if whole:
        for file in files:
            _inside_cache(folder / file)
    return folder if whole else None


def _check_whole(folder: Path, repo: str, commit: str) -> None:
    """Refuse a snapshot whose weights cannot be opened; in the cache they may have been damaged since they arrived."""
    try:
        open_weights(folder)
    except WeightsError as error:
        raise WeightsError(
            f"{repo}@{commit[:7]} is in the cache, but cannot be opened: {error.what}",
            hint=error.hint or f"fetch it again: zoo pull --force {repo}@{commit}",
        ) from None


def _weight_files(folder: Path) -> list[str]:
    if (folder / INDEX).is_file() and not (folder / WEIGHTS).is_file():
        return sorted(set(read_index(folder / INDEX).values()))
    return [WEIGHTS]


def _check_config(folder: Path, where: str) -> None:
    from zoo_core.hub.requirements import refuse_missing
    from zoo_core.storage.config import read_config

    refuse_missing(read_config(folder), where)


def list_files(repo: str, commit: str) -> list[RepoFile]:
    """Every file of a commit, with its size and hash.

    Raises:
        HubError: the Hub does not say.
    """
    with translate_hub_errors(repo, commit[:7]):
        return [f for f in api().list_repo_tree(repo, recursive=True, revision=commit) if isinstance(f, RepoFile)]


def _download(
    repo: str, commit: str, listed: Iterable[RepoFile], patterns: Iterable[str], force: bool
) -> dict[str, Path]:
    """Where those of the commit's files that match ``patterns`` are now; each that is new is held against the Hub's hash at once,
    so that a later failure leaves nothing unchecked in the cache."""
    # Not snapshot_download: it keeps a listing of the commit for good, also one that arrived damaged.
    wanted = [file for file in listed if any(_matches(file.path, pattern) for pattern in patterns)]

    def one(file: RepoFile) -> Path:
        there = not force and is_cached(repo, file.path, commit)
        path = Path(
            hf_hub_download(repo, file.path, revision=commit, force_download=force, endpoint=constants.ENDPOINT)
        )
        if not there:
            _check_hash(repo, file, path)
        return path

    with translate_hub_errors(repo, commit[:7]), ThreadPoolExecutor(DOWNLOADS) as pool:
        return {file.path: path for file, path in zip(wanted, pool.map(one, wanted))}


def _matches(path: str, pattern: str) -> bool:
    return Path(path).match(pattern) and path.count("/") == pattern.count("/")


def check_cached(repo: str, commit: str) -> None:
    """Hold every file of the commit that is in the cache against the Hub's hash.

    Raises:
        HubError: one is damaged; it is thrown away. Or the Hub cannot be asked.
    """
    if not reachable():
        raise HubError(f"{repo}@{commit[:7]} cannot be verified without the Hub, whose hashes are asked for")
    for file in list_files(repo, commit):
        cached = try_to_load_from_cache(repo, file.path, revision=commit)
        if isinstance(cached, str):
            _check_hash(repo, file, Path(cached))


def is_cached(repo: str, path: str, commit: str) -> bool:
    """Whether the file of that commit is in the cache; False, and no error, for names that cannot be."""
    try:
        return isinstance(try_to_load_from_cache(repo, path, revision=commit), str)
    except (ValueError, OSError):
        return False


def _check_hash(repo: str, file: RepoFile, path: Path) -> None:
    """Throw away what is not what the Hub says that it is."""
    _inside_cache(path)
    if not is_as_listed(path, file):
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise HubError(
            f"{shown(repo)}: {shown(file.path)} is damaged, its hash is not the Hub's; it was thrown away",
            hint="the same command fetches it again",
        )


def is_as_listed(path: Path, file: RepoFile) -> bool:
    """Whether the content of ``path`` has the hash that the Hub gives for ``file``: sha256 for large ones, git's for the rest."""
    return sha256(path) == file.lfs.sha256 if file.lfs is not None else git_blob(path) == file.blob_id


def _inside_cache(path: Path) -> Path:
    """``path``, refused where a link leads out of the cache."""
    cache = Path(constants.HF_HUB_CACHE).expanduser().resolve()
    if not path.resolve().is_relative_to(cache):
        raise WeightsError(
            f"{shown(path)} is a link out of the Hub's cache; it is not followed", hint="clear it: hf cache rm"
        )
    return path


def check_pinned(folder: Path, files: Mapping[str, str], where: str) -> None:
    """Hold files against the sha256 that a catalogue gives for them.

    Raises:
        WeightsError: one is missing or another.
    """
    for name, digest in files.items():
        path = folder / name
        if not path.is_file():
            raise WeightsError(f"{shown(where)} lacks {shown(name)}")
        found = sha256(path)
        if found != digest:
            raise WeightsError(
                f"{shown(where)}: {shown(name)} has sha256 {found}, the catalogue says {shown(digest)}",
                hint="it is not what was published under this name, and is not loaded",
            )


def sha256(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob(path: Path) -> str:
    """The id that git gives a file's content, hexadecimal."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
