"""Second repositories: a frozen net may bring weights that stand elsewhere than the model does.

A config may come from a stranger. What it makes the zoo fetch is pinned by commit and sha256, listed by ``externals`` and can be
refused; nothing else is fetched and no file is opened while a model is built from it, whatever its components ask for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.errors import HubError, WeightsError, shown

_listed: ContextVar[Collection[External] | None] = ContextVar("listed", default=None)
"""What may be fetched while a model is built from a config; None outside of that."""


@dataclass(frozen=True)
class External:
    """A file of another repository that a part takes its weights from, pinned by commit and sha256."""

    part: str
    repo: str
    commit: str
    file: str
    sha256: str


def externals(config: Mapping[str, Any]) -> list[External]:
    """Every second repository that a checked config points to."""
    found = []
    for part, entry in config["parts"].items():
        weights = entry.get("weights", {})
        if "repo" in weights:
            texts = [str(weights.get(key, "")) for key in ("repo", "commit", "file", "sha256")]
            found.append(External(part, *texts))
    return found


@contextmanager
def only(listed: Collection[External]) -> Iterator[None]:
    """Inside, a model is built from a config: files of other repositories than those ``listed`` are not fetched, and no file that a
    setting names is opened."""
    before = _listed.set(listed)
    try:
        yield
    finally:
        _listed.reset(before)


def building_from_config() -> bool:
    """Whether a model is being built from a config."""
    return _listed.get() is not None


def refuse_unlisted(repo: str, file: str, revision: str | None) -> None:
    """Refuse a file of a repository that the config at hand does not list; outside of building from a config, nothing.

    Raises:
        HubError: with what the component asked for.
    """
    listed = _listed.get()
    if listed is None or any((one.repo, one.file, one.commit) == (repo, file, revision) for one in listed):
        return
    raise HubError(
        f"a component asks for {shown(file)} of {shown(repo)}, which the model's config does not list as a second repository",
        hint="nothing was fetched; a saved net's weights are in the model's own file",
    )


def refuse_local_file(path: str | Path) -> None:
    """Refuse a file of this machine that a saved config names; outside of building from a config, nothing.

    Raises:
        WeightsError: with the path.
    """
    if building_from_config():
        raise WeightsError(
            f"a saved model asks for the file {shown(path)}", hint="a config cannot name files; nothing was opened"
        )
