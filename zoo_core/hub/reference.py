"""References to saved models: a folder, a name of the catalogue, or a repository on the Hub."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from zoo_core.errors import SettingError, UnknownName, did_you_mean, shown
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.recipes import PublishedWeights
from zoo_core.storage.files import expanded, is_folder


@dataclass(frozen=True)
class Located:
    """Where a saved model lies.

    Arguments:
        folder: with config.json and the weights.
        label: what to call it in messages.
        immutable: whether its files never change once they are there, as in the Hub's cache.
        repo, commit: where it came from, for one of the Hub.
    """

    folder: Path
    label: str
    immutable: bool = False
    repo: str = ""
    commit: str = ""


@dataclass(frozen=True)
class Target:
    """What a reference means, before anything is fetched: exactly one of the three is set."""

    folder: Path | None = None
    entry: PublishedWeights | None = None
    repo: str = ""
    revision: str | None = None

    @property
    def here(self) -> Path | None:
        """The folder, given or the catalogue's own; None for what is on the Hub."""
        return self.entry.folder if self.entry is not None else self.folder

    @property
    def origin(self) -> tuple[str, str | None]:
        """Repository and revision of what is on the Hub."""
        return (
            (self.repo, self.revision)
            if self.entry is None
            else (self.entry.repo, self.entry.commit or self.entry.revision)
        )


def parse_reference(reference: str | Path, *, revision: str | None = None) -> Target:
    """What ``reference`` means: what starts with ``.``, ``/`` or ``~``, and a ``Path``, is a folder; ``hf:org/name[@revision]`` a
    repository; anything else an existing folder, else a name of the catalogue, else ``org/name[@revision]`` on the Hub.

    Raises:
        UnknownName: it is none of them.
        SettingError: a revision where there is none to choose, or two.
    """
    text = str(reference)
    if isinstance(reference, Path) or text.startswith((".", "/", "~")):
        return _folder(expanded(reference), revision, text)
    if text.startswith("hf:"):
        return _repository(text.removeprefix("hf:"), revision)
    if is_folder(Path(text)):
        return _folder(Path(text), revision, text)
    if text in catalogue().weights:
        if revision is not None:
            raise SettingError(
                f"{shown(text)} is a name of the catalogue, which says the revision", hint="leave revision= out"
            )
        return Target(entry=catalogue().weights[text])
    name, _, _ = text.partition("@")
    if name.count("/") == 1 and all(name.split("/")):
        if is_folder(Path(name.split("/")[0])):
            raise UnknownName(
                f"there is no folder {shown(text)!r}, but a folder {shown(name.split('/')[0])!r}",
                hint=f"{near + ' ' if (near := _near(expanded(text))) else ''}for the repository on the Hub write hf:{shown(text)}",
            )
        return _repository(text, revision)
    raise _unknown(text)


def _folder(folder: Path, revision: str | None, text: str) -> Target:
    if revision is not None:
        raise SettingError(f"{shown(text)} is a folder and has no revisions", hint="leave revision= out")
    if not is_folder(folder):
        raise _unknown(text)
    return Target(folder=folder)


def _repository(text: str, revision: str | None) -> Target:
    repo, at, own = text.partition("@")
    if at and not own:
        raise SettingError(f"{shown(text)!r} ends in @", hint="write org/name@revision")
    if own and revision is not None and own != revision:
        raise SettingError(f"{shown(text)!r} and revision={shown(revision)!r} say two things", hint="give one of them")
    return Target(repo=repo, revision=own or revision)


def _near(folder: Path) -> str:
    """``did you mean …?`` with folders beside ``folder`` that are called almost so, or an empty text."""
    beside = [p.name for p in folder.parent.iterdir() if p.is_dir()] if is_folder(folder.parent) else []
    return did_you_mean(folder.name, beside)


def _unknown(text: str) -> UnknownName:
    hint = _near(expanded(text)) or did_you_mean(text, catalogue().weights)
    return UnknownName(
        f"no saved model {shown(text)!r}: there is no such folder, and no such name in the catalogue",
        hint=hint or "train one with: zoo train RECIPE --out FOLDER; for the Hub write org/name",
    )


def locate(
    reference: str | Path, *, revision: str | None = None, everything: bool = False, force: bool = False
) -> Located:
    """The folder of the model that ``reference`` means, fetched from the Hub if need be.

    Arguments:
        everything, force: see :func:`zoo_core.hub.download.fetch`.

    Raises:
        UnknownName, SettingError: see :func:`parse_reference`.
        HubError, WeightsError: the Hub does not give it, or it is not what the catalogue says.
    """
    target = parse_reference(reference, revision=revision)
    if target.folder is not None:
        return Located(target.folder, str(reference))
    from zoo_core.hub.download import check_pinned, fetch

    if target.here is not None:
        found = Located(target.here, "")
    else:
        fetched = fetch(*target.origin, everything=everything, force=force)
        label = f"{fetched.repo}@{fetched.commit[:7]}"
        found = Located(fetched.folder, label, True, fetched.repo, fetched.commit)
    if target.entry is None:
        return found
    check_pinned(found.folder, target.entry.files, target.entry.name)
    return replace(found, label=target.entry.name)
