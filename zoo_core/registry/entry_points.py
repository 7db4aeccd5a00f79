"""The entry points of installed plugins, and the little of their metadata that loading needs.

``importlib.metadata`` parses the whole of every distribution's metadata to find a version; with hundreds of plugins that is most of
the time that ``zoo list`` takes. Here only the head of a plugin's own METADATA is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, distributions

from zoo_core.errors import shown
from zoo_core.hookspecs import PROJECT
from zoo_core.version import VERSION

CORE = "zoo-core"


@dataclass(frozen=True)
class Distributed:
    """What is known of the distribution behind an entry point; all empty where its metadata are missing or damaged.

    Arguments:
        name, version: as it says.
        core: what it requires of zoo-core, each as it stands in ``Requires-Dist``: ``zoo-core<0.2,>=0.1``.
    """

    name: str = ""
    version: str = ""
    core: tuple[str, ...] = ()


def installed_entry_points() -> list[EntryPoint]:
    """The entry points of the group ``zoo_core`` of every distribution that can be imported here; of two copies of one
    distribution the first on the path. One whose file cannot be parsed has an empty value."""
    found: list[EntryPoint] = []
    seen: set[str] = set()
    for distribution in distributions():
        try:
            text = distribution.read_text("entry_points.txt") or ""
        except (OSError, UnicodeError):
            continue
        if PROJECT not in text:
            continue
        try:
            points = [point for point in distribution.entry_points if point.group == PROJECT]
        except Exception:  # not in the form that importlib knows
            points = [EntryPoint(_damaged(text), "", PROJECT)]
        names = {_normalised(distributed(point).name) for point in points} - {""}
        if names & seen:
            continue
        seen |= names
        found += points
    return found


def distributed(point: EntryPoint) -> Distributed:
    """What METADATA says, read up to the end of its head."""
    if point.dist is None:
        return Distributed()
    try:
        text = point.dist.read_text("METADATA") or point.dist.read_text("PKG-INFO") or ""
    except Exception:  # damaged, or a finder of somebody's own
        return Distributed()
    name = version = ""
    core = []
    for line in text.partition("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        match key.lower():
            case "name":
                name = name or value.strip()
            case "version":
                version = version or value.strip()
            case "requires-dist" if _normalised(value.strip()[: len(CORE)]) == CORE:
                core.append(value.strip())
    return Distributed(name, version, tuple(core))


def unmet(required: tuple[str, ...]) -> str:
    """The first of ``required`` that this zoo-core does not meet, as people write it; empty where it meets all."""
    return next((text for one in required if (text := _unmet(one))), "")


@cache
def _unmet(required: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        parsed = Requirement(required)
    except InvalidRequirement:
        return ""
    if _normalised(parsed.name) != CORE or (parsed.marker is not None and not parsed.marker.evaluate({"extra": ""})):
        return ""
    return "" if parsed.specifier.contains(VERSION, prereleases=True) else f"{CORE}{shown(parsed.specifier)}"


def _normalised(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _damaged(text: str) -> str:
    """A name for the plugin of an ``entry_points.txt`` that cannot be parsed: the first word of its group."""
    line = text.partition(f"[{PROJECT}]")[2].strip().partition("\n")[0]
    return line.partition("=")[0].strip() or "unnamed"
