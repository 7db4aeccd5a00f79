"""Recipes that are like another: the other's table, less what is dropped, with what differs merged into it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

SECTIONS = ("parts", "objectives")
"""Tables of what a model is made of."""


def derived(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``own`` merged into it. A part or objective given another component starts without the parameters of the old one,
    and a shared parameter given a default or a sum without the other."""
    base = dict(base)
    for section in SECTIONS:
        slots = dict(base.get(section, {}))
        for slot, spec in own.get(section, {}).items():
            named = spec.get("name") if isinstance(spec, dict) else None
            before = slots.get(slot)
            if isinstance(before, dict) and named is not None and named != before.get("name", slot):
                slots[slot] = {k: v for k, v in before.items() if k != "params"}
        base[section] = slots
    shared = dict(base.get("shared", {}))
    for name, spec in own.get("shared", {}).items():
        before = shared.get(name)
        if isinstance(before, dict) and isinstance(spec, dict) and {"default", "sum_of"} & set(spec):
            shared[name] = {k: v for k, v in before.items() if k not in ("default", "sum_of")}
    base["shared"] = shared
    if "sampler" in own:
        base, own = _with_sampler(base, own["sampler"]), {key: value for key, value in own.items() if key != "sampler"}
    return _merged(base, own)


def _with_sampler(base: Mapping[str, Any], sampler: Any) -> dict[str, Any]:
    """``base`` with ``sampler`` in place of its own; of the same one, given as a table, what ``base`` sets stays."""
    before = base.get("sampler", "")
    kept = before if isinstance(before, dict) else {"name": before}
    if isinstance(sampler, dict) and sampler.get("name", kept.get("name")) == kept.get("name"):
        sampler = {**kept, **sampler}
    return {**base, "sampler": sampler}


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in own.items():
        before = out.get(key)
        if isinstance(before, dict) and isinstance(value, dict) and not _is_another(before, value):
            out[key] = _merged(before, value)
        else:
            out[key] = value
    return out


def _is_another(before: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Whether both name a component (one inside another, a schedule) and not the same; of parts :func:`derived` has seen to it."""
    return "kind" not in before and "name" in before and value.get("name", before["name"]) != before["name"]


def without(table: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """A copy of ``table`` without the key that ``path`` leads to.

    Raises:
        KeyError: it leads nowhere; the argument is how many of its names do.
    """
    first, *rest = path
    if not isinstance(table, dict) or first not in table:
        raise KeyError(0)
    if not rest:
        return {key: value for key, value in table.items() if key != first}
    try:
        return {**table, first: without(table[first], rest)}
    except KeyError as error:
        raise KeyError(error.args[0] + 1) from None


def without_mentions(table: Mapping[str, Any], parts: Collection[str], objectives: Collection[str]) -> dict[str, Any]:
    """A recipe's ``table`` without what it says about ``parts`` and ``objectives`` that it no longer has: shared parameters set nothing
    of theirs, players do not train them, and data sets have no settings for them. What is left with nothing to do goes along."""
    # Nothing in the table is checked yet: what is not as it should be is left for those who check it.
    gone = [*parts, *(f"objective.{name}" for name in objectives)]
    table = dict(table)
    if "shared" in table:
        table["shared"] = _shared(table["shared"], gone)
    if isinstance(table.get("training"), dict) and isinstance(table["training"].get("players"), dict):
        players = _players(table["training"]["players"], [*parts, *objectives])
        table["training"] = {**table["training"], "players": players}
    if "on" in table:
        table["on"] = {data: _settings(settings, gone) for data, settings in table["on"].items()}
    return table


def _shared(shared: Mapping[str, Any], gone: Collection[str]) -> dict[str, Any]:
    sums = [
        spec["sum_of"] for spec in shared.values() if isinstance(spec, dict) and isinstance(spec.get("sum_of"), list)
    ]
    kept = {}
    for name, spec in shared.items():
        if isinstance(spec, dict) and isinstance(sets := spec.get("sets"), list):
            left = [one for one in sets if not (isinstance(one, str) and one.rpartition(".")[0] in gone)]
            if sets and not left and not any(name in addends for addends in sums):
                continue
            spec = {**spec, "sets": left}
        kept[name] = spec
    return kept


def _players(players: Mapping[str, Any], gone: Collection[str]) -> dict[str, Any]:
    kept = {}
    for name, player in players.items():
        if isinstance(player, dict) and isinstance(trains := player.get("trains"), list):
            left = [one for one in trains if one not in gone]
            if trains and not left:
                continue
            player = {**player, "trains": left}
        kept[name] = player
    return kept


def _settings(settings: Any, gone: Collection[str], above: str = "") -> Any:
    """Settings, nested or with dotted keys, less those of what is ``gone``."""
    if not isinstance(settings, dict):
        return settings
    kept = {}
    for key, value in settings.items():
        dotted = above + key
        if not any(dotted == one or dotted.startswith(f"{one}.") for one in gone):
            kept[key] = _settings(value, gone, f"{dotted}.")
    return kept
