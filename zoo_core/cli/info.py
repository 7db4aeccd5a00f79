"""``zoo info``: everything that can be set on a recipe or component."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo_core.cli.output import Row, print_json, print_sections
from zoo_core.errors import UnknownName, ZooError, did_you_mean, shown
from zoo_core.interfaces.tags import IN_WORDS
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import Resolved, registry
from zoo_core.registry.parameter import Parameter, nested_spec, parameters
from zoo_core.registry.recipes import Recipe

if TYPE_CHECKING:
    from zoo_core.interfaces import Dataset


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="a recipe or component, as zoo list shows it")
    parser.add_argument("--json", action="store_true", help="as JSON; for a family with all its architectures")


def run(args: argparse.Namespace) -> int:
    """The recipe called NAME, if there is one, and the components."""
    recipe = catalogue().recipes.get(args.name)
    found = registry().find(args.name)
    if recipe is None and not found:
        raise _unknown(args.name)
    facts = [recipe_facts(recipe)] if recipe is not None else []
    facts += [component_facts(resolved) for resolved in found]
    if args.json:
        print_json(facts[0] if len(facts) == 1 else facts)
    else:
        for one in facts:
            print_sections(_recipe_sections(one) if one["kind"] == "recipe" else _component_sections(one))
    return 0


def recipe_facts(recipe: Recipe) -> dict[str, Any]:
    """All about a recipe, as JSON has it. A component that cannot be loaded has an ``error`` in place of its parameters."""
    slots = {slot: (part.kind, part.name, part.params) for slot, part in recipe.parts.items()}
    asked = {slot: ("objective", objective.name, objective.params) for slot, objective in recipe.objectives.items()}
    parts = {slot: {**_filled(*slots[slot]), "trainable": recipe.parts[slot].trainable} for slot in slots}
    objectives = {slot: _filled(*spec) for slot, spec in asked.items()}
    settable = {
        **{slot: p["parameters"] for slot, p in parts.items()},
        **{f"objective.{slot}": o["parameters"] for slot, o in objectives.items()},
    }
    shared = {}
    for name, one in recipe.shared.items():
        holders = [
            settable[holder][key] for holder, _, key in (t.rpartition(".") for t in one.sets) if key in settable[holder]
        ]
        kind = (
            {key: holders[0][key] for key in ("type", "bounds")}
            if holders
            else {"type": "integer" if type(one.default) is int else "", "bounds": ""}
        )
        default = " + ".join(one.sum_of) or (
            f"{one.default}, or the data's {one.follows}" if one.follows else one.default
        )
        shared[name] = {**kind, "default": default, "help": one.help, "sets": list(one.sets)}
    sampler = registry().spelled("sampler", recipe.sampler) if recipe.sampler else ""
    sampler_parameters = (
        _filled("sampler", recipe.sampler, recipe.sampler_params)["parameters"] if recipe.sampler else {}
    )
    on = {registry().spelled("dataset", data): dict(settings) for data, settings in recipe.on.items()}
    return {
        "kind": "recipe",
        "name": recipe.name,
        "source": recipe.source,
        "summary": recipe.summary,
        "paper": recipe.paper,
        "image_shape": list(recipe.image_shape),
        "sampler": sampler,
        "sampler_parameters": sampler_parameters,
        "parts": parts,
        "objectives": objectives,
        "shared": shared,
        "training": dict(recipe.training),
        "training_parameters": _training(recipe.training),
        "on": on,
    }


def component_facts(resolved: Resolved) -> dict[str, Any]:
    """All about a component or family, as JSON has it.

    Raises:
        PluginFailed: its class cannot be loaded.
        UnknownName: the family has no such architecture.
    """
    entry, cls = resolved.entry, resolved.entry.load()
    facts: dict[str, Any] = {
        "kind": entry.kind,
        "name": entry.name + (resolved.architecture or ""),
        "plugin": entry.plugin,
        "version": entry.version,
        "summary": entry.summary,
        "paper": entry.paper,
    }
    if entry.family:
        known: list[str] = cls.architectures()
        if resolved.architecture is None:
            facts["architectures"] = known
        elif resolved.architecture not in known:
            raise UnknownName(
                f'{entry.name} has no architecture "{shown(resolved.architecture)}"',
                hint=did_you_mean(resolved.architecture, known) or f"see all with: zoo info {entry.name} --json",
            )
    facts |= {"modalities": list(cls.tags.modalities), "parameters": _parameters(cls, {})}
    return facts if entry.kind != "dataset" else {**facts, **_dataset_facts(cls)}


def _dataset_facts(cls: type[Dataset]) -> dict[str, Any]:
    """What else there is to know of a data set: its labels, where it has them without being told a path; what is settable of any."""
    from zoo_core.data.settings import DataSettings
    from zoo_core.interfaces import Labels

    own = parameters(cls)
    try:
        labels = Labels() if any(parameter.required for parameter in own.values()) else cls().labels
    except Exception:  # it looks for its files first, or is broken: who uses it is told
        labels = Labels()
    for_all = {name: fact for name, fact in _parameters(DataSettings, {}).items() if name not in own}
    return {"settings_of_all_data": for_all, "labels": {"type": labels.type, "names": list(labels.names)}}


def _filled(kind: str, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """A slot of a recipe: what fills it, what else might, and the parameters with the recipe's values as defaults."""
    swaps = [registry().spelling(entry) + ("NAME" if entry.family else "") for entry in registry().entries(kind)]
    short = registry().spelled(kind, name)
    facts: dict[str, Any] = {"kind": kind, "component": short, "swaps": [swap for swap in swaps if swap != short]}
    try:
        cls = registry().resolve(kind, name).entry.load()
        return {**facts, "modalities": list(cls.tags.modalities), "parameters": _parameters(cls, params)}
    except ZooError as error:
        return {**facts, "parameters": {}, "error": str(error)}


def _parameters(cls: type[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of ``cls``, with ``params`` as defaults; those of a component inside it under ``SETTING.KEY``."""
    facts: dict[str, Any] = {}
    for key, parameter in parameters(cls).items():
        facts[key] = _parameter_facts(parameter, params)
        inside = params.get(key, parameter.default)
        if parameter.nested and inside is not None:
            name, inner = nested_spec(parameter, inside, key)
            facts[key]["default"] = registry().spelled(parameter.nested, name)
            inner_class = registry().resolve(parameter.nested, name).entry.load()
            facts |= {f"{key}.{one}": fact for one, fact in _parameters(inner_class, inner).items()}
    return facts


def _training(training: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of the training and of each player, with the recipe's values as defaults."""
    from zoo_core.game.rules import PlayerRules
    from zoo_core.game.settings import TrainingSettings

    facts = {key: _parameter_facts(p, training) for key, p in parameters(TrainingSettings).items() if key != "players"}
    for name, player in training.get("players", {}).items():
        facts |= {f"players.{name}.{key}": _parameter_facts(p, player) for key, p in parameters(PlayerRules).items()}
    return facts


def _parameter_facts(parameter: Parameter, params: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {"type": parameter.type_text, "bounds": parameter.bounds_text}
    if parameter.name in params or not parameter.required:
        default = params.get(parameter.name, parameter.default)
        default = (
            dataclasses.asdict(default)
            if dataclasses.is_dataclass(default) and not isinstance(default, type)
            else default
        )
        try:
            facts["default"] = json.loads(json.dumps(default, allow_nan=False))
        except (TypeError, ValueError):
            facts["default"] = repr(default)
    return facts


def _recipe_sections(facts: Mapping[str, Any]) -> list[tuple[str, list[Row]]]:
    slots = {**facts["parts"], **{f"objective.{name}": o for name, o in facts["objectives"].items()}}
    about: list[Row] = [
        ("name", facts["name"]),
        ("summary", facts["summary"]),
        ("paper", facts["paper"]),
        _data_row(slots.values(), facts["image_shape"]),
        ("sampler", facts["sampler"]),
        ("from", facts["source"]),
    ]
    parts: list[Row] = [
        (
            slot,
            p["component"] + ("" if p["trainable"] else " (frozen)"),
            p["kind"],
            f"or {', '.join(p['swaps'])}" if p["swaps"] else "",
        )
        for slot, p in facts["parts"].items()
    ]
    objectives: list[Row] = [
        (name, o["component"], "objective", f"or {', '.join(o['swaps'])}" if o["swaps"] else "")
        for name, o in facts["objectives"].items()
    ]
    shared: list[Row] = [(name, _type(s), _value(s), _shared(s)) for name, s in facts["shared"].items()]
    settings = [row for slot, filled in slots.items() for row in _settings(filled["parameters"], slot + ".")]
    settings += _settings(facts["sampler_parameters"], "sampler.")
    training = _settings(facts["training_parameters"], "training.")
    on: list[Row] = [
        (data, f"{key}={_json(value)}") for data, settings in facts["on"].items() for key, value in settings.items()
    ]
    errors: list[Row] = [(slot, filled["error"]) for slot, filled in slots.items() if "error" in filled]
    return [
        ("recipe", about),
        ("parts        --set PART=NAME", parts),
        ("objectives   --set objective='[\"NAME\", …]'", objectives),
        ("shared       --set KEY=VALUE", shared),
        ("settings     --set KEY=VALUE", settings),
        ("training     --set KEY=VALUE", training),
        ("on           where the data set is this", on),
        ("errors", errors),
    ]


def _data_row(slots: Iterable[Mapping[str, Any]], image_shape: Sequence[int]) -> Row:
    """What a recipe's data are: images, unless something in it takes others only."""
    others = next((slot["modalities"] for slot in slots if "image" not in slot.get("modalities", ["image"])), None)
    if others is None:
        return "image shape", "x".join(map(str, image_shape))
    return "takes", f"{_in_words(others)}; {image_shape[2]} at a time where the data do not say"


def _in_words(modalities: Iterable[str]) -> str:
    return " or ".join(IN_WORDS[one] for one in modalities)


def _component_sections(facts: Mapping[str, Any]) -> list[tuple[str, list[Row]]]:
    about: list[Row] = [
        ("name", facts["name"]),
        ("summary", facts["summary"]),
        ("paper", facts["paper"]),
        ("plugin", f"{facts['plugin']} {facts['version']}"),
    ]
    if "image" not in facts["modalities"]:
        about.append(("takes", _in_words(facts["modalities"])))
    if "architectures" in facts:
        about.append(
            ("architectures", f"{len(facts['architectures']):,}; all of them: zoo info {facts['name']} --json")
        )
    if facts["kind"] != "dataset":
        return [(facts["kind"], about), ("settings     --set PART.KEY=VALUE", _settings(facts["parameters"], ""))]
    settings = {**facts["parameters"], **facts["settings_of_all_data"]}
    labels: list[Row] = [(str(number), name) for number, name in enumerate(facts["labels"]["names"])]
    return [
        ("dataset", about),
        ("settings     --set KEY=VALUE", _settings(settings, "data.")),
        (facts["labels"]["type"], labels),
    ]


def _settings(facts: Mapping[str, Any], prefix: str) -> list[Row]:
    return [(prefix + name, _type(parameter), _value(parameter)) for name, parameter in facts.items()]


def _shared(parameter: dict[str, Any]) -> str:
    """What a shared parameter is, and where it goes."""
    sets = f"sets {', '.join(parameter['sets'])}" if parameter["sets"] else ""
    return "; ".join(filter(None, [parameter["help"], sets]))


def _type(facts: Mapping[str, Any]) -> str:
    return f"{facts['type']} {facts['bounds']}".strip()


def _value(facts: Mapping[str, Any]) -> str:
    return _json(facts["default"]) if "default" in facts else "(must be given)"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _unknown(name: str) -> UnknownName:
    entries = registry().entries()
    known = {*catalogue().recipes, *(entry.name for entry in entries)}
    failed = [
        f"plugin {shown(p.name)} is not loaded: {shown(p.error, 300)}"
        for p in registry().plugins
        if p.error is not None
    ]
    near = did_you_mean(name, known)
    return UnknownName(
        f'there is no recipe or component "{shown(name)}"',
        hint="; ".join(filter(None, [near, *failed, "see: zoo list"])),
        name=name,
    )
