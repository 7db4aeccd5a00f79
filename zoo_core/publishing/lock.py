"""Locking: references to published models, pinned by commit and by the sha256 of every file, as a catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from zoo_core.errors import HubError, SettingError, shown
from zoo_core.hub.download import fetch, sha256
from zoo_core.hub.reference import Located, locate, parse_reference
from zoo_core.publishing.card import CARD_FILE, card_licence
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.names import GRAMMAR, is_name
from zoo_core.registry.recipes import PublishedWeights
from zoo_core.storage.config import read_config
from zoo_core.tensors.reader import open_weights


@dataclass(frozen=True)
class Line:
    """One line of a list of models: what it is to be called, and what it is."""

    name: str
    reference: str


def read_lines(text: str, where: str) -> list[Line]:
    """Lines ``reference`` or ``name = reference``; ``#`` begins a comment.

    Raises:
        SettingError: with the line's number.
    """
    found: list[Line] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        name, equals, reference = (part.strip() for part in line.rpartition("="))
        if not equals:
            name = re.sub(
                r"[^a-z0-9._-]", "-", reference.removeprefix("hf:").partition("@")[0].rpartition("/")[2].lower()
            )
        if not is_name(name):
            raise SettingError(
                f"{shown(where)}, line {number}: {shown(name)!r} is no name: {GRAMMAR}",
                hint="write: name = org/model@v1.0",
            )
        if any(name == other.name for other in found):
            raise SettingError(
                f"{shown(where)}, line {number}: the name {shown(name)} is there twice", hint="write: other = org/model"
            )
        found.append(Line(name, reference))
    if not found:
        raise SettingError(f"{shown(where)} names no model", hint="one a line: org/name@v1.0")
    return found


def lock(lines: Iterable[Line]) -> str:
    """A catalogue (TOML) in which each model stands with its commit and the sha256 of every file that loading it reads.

    Raises:
        HubError, UnknownName: a model cannot be had.
        SettingError: one is no model of the Hub.
    """
    blocks = ["# Published models, pinned. Use it: ZOO_REGISTRY=<this file> zoo pull --locked", "format = 1"]
    for line in lines:
        target = parse_reference(line.reference)
        if target.here is not None:
            raise SettingError(
                f"{shown(line.reference)} is not on the Hub and cannot be locked", hint="write org/name[@revision]"
            )
        repo, revision = target.origin
        found = fetch(repo, revision, everything=True)
        saved = open_weights(found.folder)
        files = {name: sha256(found.folder / name) for name in saved.all_files}
        blocks.append(
            entry_text(
                line.name,
                recipe=read_config(found.folder)["recipe"],
                repo=repo,
                revision=revision or "",
                commit=found.commit,
                licence=card_licence(found.folder / CARD_FILE),
                files=files,
            )
        )
    return "\n\n".join(blocks) + "\n"


def entry_text(
    name: str,
    *,
    recipe: str,
    repo: str,
    revision: str,
    commit: str,
    licence: str,
    files: dict[str, str],
    summary: str = "",
) -> str:
    """One ``[weights.NAME]`` of a catalogue, as TOML."""
    values = {
        "recipe": recipe,
        "repo": repo,
        "revision": revision,
        "commit": commit,
        "licence": licence,
        "summary": summary,
    }
    lines = [f"[weights.{toml_string(name)}]"]
    lines += [f"{key} = {toml_string(value)}" for key, value in values.items() if value]
    lines += [f"files.{toml_string(file)} = {toml_string(digest)}" for file, digest in sorted(files.items())]
    return "\n".join(lines)


def toml_string(text: str) -> str:
    """``text`` as a basic string of TOML 1.0, in ASCII: it is printed, and what a terminal or a pipe makes of other characters is
    not always UTF-8.

    TOML has no lone surrogates: each becomes U+FFFD, as when text is decoded. A pair of them is the character that it stands for.
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return f'"{"".join(map(_escaped, whole))}"'


def _escaped(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if " " <= character <= "~":
        return character
    return f"\\u{ord(character):04X}" if ord(character) < 0x10000 else f"\\U{ord(character):08X}"


_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def locked_entry(reference: str) -> PublishedWeights:
    """The entry that pins ``reference`` (its name, its repository, or the repository at its commit).

    Raises:
        HubError: nothing pins it.
    """
    wanted = reference.removeprefix("hf:")
    for name, entry in catalogue().weights.items():
        called = {name, entry.repo, f"{entry.repo}@{entry.commit}", f"{entry.repo}@{entry.revision}"} - {""}
        if wanted in called and entry.commit and entry.files:
            return entry
    raise HubError(
        f"{shown(reference)} is not locked: no entry of the catalogue has its commit and the sha256 of its files",
        hint="write it into a list and: zoo lock models.txt > locked.toml; then ZOO_REGISTRY=locked.toml",
    )


def pull_locked(reference: str, *, force: bool = False) -> Located:
    """The model that ``reference`` is locked to, with its card and pictures; see :func:`locked_entry`.

    Raises:
        HubError: it is not locked, or the Hub does not give it.
        WeightsError: it is not what it was locked to.
    """
    return locate(locked_entry(reference).name, everything=True, force=force)


def locked_names(file: Path) -> list[str]:
    """Every name that the lock ``file`` pins."""
    return [
        name
        for name, entry in catalogue().weights.items()
        if entry.source == str(file) and entry.files and entry.commit
    ]
