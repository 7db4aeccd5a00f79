"""Plan: a recipe with its settings edited, before anything is built.

Settings are one flat mapping from keys to values, the same in Python (``build("vae", encoder="resnet", **{"encoder.width": 32})``) and on
the command line (``--set encoder.width=32``). A key without a dot is a part, a shared parameter, ``objective``,
``sampler``, ``image_size``, ``image_shape`` or ``attributes``; with a dot it reaches into a part (and with more dots into its tables, as in
``decoder.net.hidden``), an objective or the training table. A table does the same for several: ``training={"epochs": 5}``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo_core.building.saved_part import SavedPart, saved_part
from zoo_core.data.labels import chosen
from zoo_core.errors import NameConflict, SettingError, UnknownName, did_you_mean, shown
from zoo_core.hub.external import External
from zoo_core.interfaces import ImageShape, Labels, Modality, Need, Vocabulary
from zoo_core.interfaces.vocabulary import NO_TOKENS
from zoo_core.registry.components import Resolved, registry
from zoo_core.registry.parameter import Parameter, check_value, nested_spec, parameters
from zoo_core.registry.recipes import Recipe
from zoo_core.storage.files import expanded, is_file

RESERVED = ("objective", "sampler", "image_size", "image_shape", "attributes")

ON_CODES = ("encoder", "decoder", "prior", "head")
"""Kinds that have a width of codes."""


@dataclass
class Chosen:
    """A component that was chosen by name, with parameters. Names become classes here and nowhere else in a plan."""

    kind: str
    name: str
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def resolved(self) -> Resolved:
        """What its name stands for.

        Raises:
            UnknownName, NameConflict: nothing, or several components.
        """
        return registry().resolve(self.kind, self.name)

    @property
    def component(self) -> type[Any]:
        """Its class."""
        return self.resolved.entry.load()

    @property
    def spelled(self) -> str:
        """Its name as short as it may be, for messages."""
        return registry().spelled(self.kind, self.name)


@dataclass
class PartPlan(Chosen):
    """One slot: which component fills it, with which parameters; ``saved`` is the part of a saved model that it is."""

    trainable: bool = True
    saved: SavedPart | None = None


@dataclass
class Plan:
    """Everything that ``build`` needs."""

    recipe: str
    image_shape: ImageShape
    labels: Labels
    parts: dict[str, PartPlan]
    objectives: dict[str, Chosen]
    sampler: Chosen | None
    training: dict[str, Any]
    shared: dict[str, Any] = field(default_factory=dict)
    listed: tuple[External, ...] | None = None
    """Of a saved config: the files of second repositories that it lists, which are all that may be fetched for it."""
    modality: Modality = "image"
    vocabulary: Vocabulary = NO_TOKENS


def plan(
    recipe: Recipe,
    settings: Mapping[str, Any],
    *,
    image_shape: ImageShape | None = None,
    labels: Labels | None = None,
    modality: Modality = "image",
    vocabulary: Vocabulary = NO_TOKENS,
    data: str | None = None,
) -> Plan:
    """``recipe`` with its settings for the data set ``data``, then ``settings``, applied.

    Arguments:
        image_shape, labels, modality, vocabulary: of the data; the recipe's shape, images and no labels where none are named.

    Raises:
        SettingError: a key that is nothing in this recipe, or a value that it cannot have.
        UnknownName: a component that is not registered.
    """
    made = Plan(
        recipe=recipe.name,
        image_shape=recipe.image_shape if image_shape is None else _image_shape(image_shape),
        labels=_chosen_labels(labels or Labels(), {**recipe.settings_on(data or ""), **settings}),
        parts={
            name: PartPlan(p.kind, _qualified(p.kind, p.name), copy.deepcopy(dict(p.params)), p.trainable)
            for name, p in recipe.parts.items()
        },
        objectives={
            name: Chosen("objective", _qualified("objective", o.name), copy.deepcopy(dict(o.params)))
            for name, o in recipe.objectives.items()
        },
        sampler=Chosen("sampler", _qualified("sampler", recipe.sampler), copy.deepcopy(dict(recipe.sampler_params)))
        if recipe.sampler
        else None,
        training=copy.deepcopy(dict(recipe.training)),
        modality=modality,
        vocabulary=vocabulary,
    )
    shared = {name: s.value(made.labels) for name, s in recipe.shared.items()}
    # The data set's settings first: a part that is swapped afterwards leaves behind what was set inside the old one.
    for given in (recipe.settings_on(data or ""), settings):
        for key in sorted(given, key=_turn):
            _apply(made, shared, recipe, key, given[key])
    _add_up(shared, recipe)
    _spread(made, shared, recipe)
    if made.modality == "tokens" and made.image_shape[:2] != (1, 1):
        raise SettingError(
            f"image_shape: should be [1, 1, length] for windows of tokens, got {list(made.image_shape)}",
            hint="the length is a setting of the data: data.length=50",
        )
    return made


def _qualified(kind: str, name: str) -> str:
    """``plugin:name`` of a component of a recipe; ``name`` itself where its plugin is missing, which matters only if it is built."""
    try:
        return Chosen(kind, name).resolved.qualified
    except (UnknownName, NameConflict):
        return name


def _turn(key: str) -> tuple[int, str]:
    """When a setting is applied: objectives and what is set of them first (they decide which parts there may be), whole parts before
    what is inside them."""
    head, _, rest = key.partition(".")
    return (0 if not rest else 1) if head == "objective" else 2 + key.count("."), key


def _apply(made: Plan, shared: dict[str, Any], recipe: Recipe, key: str, value: Any) -> None:
    head, _, rest = key.partition(".")
    if key == "objective":
        made.objectives = _objectives(made, value)
    elif head == "objective" and rest:
        name, _, parameter = rest.partition(".")
        if name not in made.objectives:
            raise SettingError(
                f"{shown(key)}: this model has no objective {shown(name)!r}",
                hint=did_you_mean(name, made.objectives) or f"its objectives are {', '.join(made.objectives)}",
            )
        objective = made.objectives[name]
        for own, inner in {parameter: value}.items() if parameter else _table(key, value, "SETTING=…").items():
            _set_parameter(objective, str(own), inner, f"objective.{name}.{own}")
    elif head == "training":
        for path, inner in [(rest, value)] if rest else _training(value):
            _set_nested(made.training, path, inner, f"training.{path}")
    elif head == "sampler" and rest:
        if made.sampler is None:
            raise SettingError(
                f"{shown(key)}: a {made.recipe} has no sampler",
                hint="choose one: sampler=NAME; see zoo list --kind sampler",
            )
        _set_parameter(made.sampler, rest, value, key)
    elif key == "sampler":
        _choose_sampler(made, value)
    elif key == "image_size" and made.modality == "tokens":
        raise SettingError(
            "image_size: the data are windows of tokens, which have no size",
            hint="their length is a setting of the data: data.length=50",
        )
    elif key == "image_size":
        made.image_shape = (made.image_shape[0], *_side_lengths(value))
    elif key == "image_shape":
        made.image_shape = _image_shape(value)
    elif key == "attributes":
        pass  # the labels were chosen first: settings follow them
    elif key in shared:
        shared[key] = value
    elif not rest and (head in made.parts or head in (asked := _asked_parts(made))):
        made.parts[head] = _part(made.parts[head] if head in made.parts else _asked_part(asked[head]), head, value)
    elif rest and head in made.parts:
        if rest == "trainable":
            made.parts[head].trainable = _trainable(key, value)
        else:
            _set_parameter(made.parts[head], rest, value, key)
    elif head in made.objectives:
        raise SettingError(
            f"{shown(key)}: {shown(head)} is an objective of {recipe.name}",
            hint=f"write objective.{shown(key)}{'' if rest else '.SETTING'}=…",
        )
    else:
        known = sorted({*made.parts, *shared, *_asked_parts(made), *RESERVED, "training"})
        near = did_you_mean(head, known)
        raise SettingError(
            f"{recipe.name} has no setting {shown(key)!r}",
            hint=f"{near + ' ' if near else ''}settable without a dot: {', '.join(known)}; "
            f"see all with: zoo info {recipe.name}",
        )


def _asked_parts(made: Plan) -> dict[str, Need]:
    """Parts that the objectives ask for."""
    asked: dict[str, Need] = {}
    for objective in made.objectives.values():
        for name, need in objective.component.needs_for(objective.params).items():
            if name not in asked or need.trained:
                asked[name] = need
    return asked


def _asked_part(need: Need) -> PartPlan:
    """An empty slot; a feature extractor is looked through unless it is asked for as one that is trained."""
    return PartPlan(need.kind, "", trainable=need.trained or need.kind != "feature-extractor")


def _objectives(made: Plan, value: Any) -> dict[str, Chosen]:
    listed = [value] if isinstance(value, str | Mapping) else value
    if not isinstance(listed, list | tuple) or not listed:
        raise SettingError(
            f"objective: should be a name or a list of names, got {shown(value)!r}",
            hint='e.g. objective=["elbo", "discreg"]',
        )
    chosen: dict[str, Chosen] = {}
    for one in listed:
        if isinstance(one, Mapping):
            params = dict(one)
            component = params.pop("name", None)
            if not isinstance(component, str):
                edited = next((name for name in params if name in made.objectives), None)
                raise SettingError(
                    "objective: each table needs a name",
                    hint=f"to set what is inside {edited}: objective.{edited}.SETTING=…"
                    if edited
                    else 'e.g. {"name": "elbo", "beta": 4}',
                )
        else:
            component, params = str(one), {}
        resolved = Chosen("objective", component).resolved
        own = resolved.entry.name
        if own in chosen:
            raise SettingError(f"objective: {own!r} is there twice")
        before = made.objectives.get(own)
        kept = before or Chosen("objective", resolved.qualified)
        chosen[own] = Chosen("objective", resolved.qualified, _merged(kept, params, f"objective.{own}"))
    return chosen


def _choose_sampler(made: Plan, value: Any) -> None:
    """The sampler chosen anew, by name or by a table; what was set of it stays where it is the same one, as it does with parts."""
    params = dict(value) if isinstance(value, Mapping) else {}
    before = made.sampler.name if made.sampler else ""
    name = params.pop("name", before) if isinstance(value, Mapping) else value
    if not isinstance(name, str) or not name:
        raise SettingError(
            f"sampler: should be a sampler's name or a table with a name, got {shown(repr(value))}",
            hint='e.g. sampler={"name": "NAME", "KEY": 1}; see: zoo list --kind sampler',
        )
    qualified = Chosen("sampler", name).resolved.qualified
    kept = made.sampler if made.sampler and qualified == before else Chosen("sampler", qualified)
    made.sampler = Chosen("sampler", qualified, _merged(kept, params, "sampler"))


def is_path(value: Any) -> bool:
    """True for a ``Path`` and for a text that starts as one: with ``.``, ``/`` or ``~``."""
    return isinstance(value, Path) or (isinstance(value, str) and value[:1] in {".", "/", "~"})


def _part(before: PartPlan, slot: str, value: Any) -> PartPlan:
    """The slot filled anew: by a component's name, a table with name and parameters, or a folder with a saved model."""
    params: dict[str, Any] = {}
    trainable = before.trainable
    if isinstance(value, Mapping):
        params = dict(value)
        trainable = _trainable(f"{slot}.trainable", params.pop("trainable", trainable))
        value = params.pop("name", before.name)
    if not isinstance(value, str | Path) or not str(value):
        raise SettingError(
            f"{slot}: should be a component's name, a table with a name, or a folder, got {shown(value)!r}",
            hint=f'e.g. {slot}="NAME"; see: zoo list --kind {before.kind}',
        )
    if not is_path(value):
        try:
            qualified = Chosen(before.kind, str(value)).resolved.qualified
        except UnknownName:
            if not is_file(Path(value) / "config.json"):
                raise
        else:
            kept = before if qualified == before.name else Chosen(before.kind, qualified)
            return PartPlan(before.kind, qualified, _merged(kept, params, slot), trainable)
    saved = _saved_in(expanded(value), before.kind, slot, params.pop("part", None))
    return PartPlan(before.kind, saved.name, {**saved.params, **params}, trainable, saved)


def _trainable(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise SettingError(f"{shown(key)}: should be true or false, got {shown(repr(value))}", hint="without quotes")
    return value


def _saved_in(folder: Path, kind: str, slot: str, part: Any) -> SavedPart:
    """The part of ``kind`` saved in ``folder``: ``part``, else the one called as the ``slot`` that it is for, else the only one."""
    try:
        return saved_part(folder, kind, part=part, usual=slot)
    except SettingError as error:
        raise SettingError(f"{slot}: {error.what}", hint=error.hint) from None


def _table(key: str, value: Any, example: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SettingError(
            f"{shown(key)}: should be a table of settings, got {shown(repr(value))}",
            hint=f"or set one: {shown(key)}.{example}",
        )
    return value


def _training(value: Any) -> Iterator[tuple[str, Any]]:
    """What a table for the training sets: each setting in it and, in players and streams that have names, each of theirs. The
    others stay as they are."""
    for name, setting in _table("training", value, "epochs=10").items():
        if name not in ("players", "streams"):
            yield str(name), setting
            continue
        for own, settings in _table(f"training.{name}", setting, "NAME.SETTING=…").items():
            for inner, one in _table(f"training.{name}.{own}", settings, "SETTING=…").items():
                yield f"{name}.{own}.{inner}", one


def _set_parameter(chosen: Chosen, path: str, value: Any, key: str) -> None:
    """Set a parameter, or what is inside one that is a table or a component: ``net.hidden``, ``denoiser.depth``."""
    first, _, inside = path.partition(".")
    params, parameter = chosen.params, parameters(chosen.component).get(first)
    if parameter is None or not parameter.nested:
        _set_nested(params, path, value, key)
        return
    current = copy.deepcopy(params.get(first, parameter.default))
    if inside:
        name, inner = nested_spec(parameter, current, key.removesuffix(f".{inside}"))
        within = Chosen(parameter.nested, name, {**inner})
        _set_parameter(within, inside, value, key)
        params[first] = {"name": name, **within.params}
    else:
        params[first] = value if current is None or value is None else _nested(parameter, current, value, key)


def _merged(chosen: Chosen, params: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The parameters of ``chosen`` with ``params`` over them, and so on inside nested components."""
    merged = Chosen(chosen.kind, chosen.name, dict(chosen.params))
    known = parameters(chosen.component)
    for key, value in params.items():
        if key in known and known[key].nested:
            _set_parameter(merged, key, value, f"{where}.{key}")
        else:
            merged.params[key] = value
    return merged.params


def _nested(parameter: Parameter, current: Any, value: Any, key: str) -> dict[str, Any]:
    """A component inside, chosen anew; what was set of it stays where it is the same one, as it does with parts."""
    before, kept = nested_spec(parameter, current, key)
    table = {"name": before, **value} if isinstance(value, Mapping) else value
    name, params = nested_spec(parameter, table, key)
    qualified = Chosen(parameter.nested, name).resolved.qualified
    return {"name": qualified, **(kept if qualified == _qualified(parameter.nested, before) else {}), **params}


def _set_nested(table: dict[str, Any], path: str, value: Any, key: str) -> None:
    *above, last = path.split(".")
    for name in above:
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            raise SettingError(f"{shown(key)}: {shown(name)!r} is a value, not a table")
        table = inner
    table[last] = value


def _chosen_labels(labels: Labels, settings: Mapping[str, Any]) -> Labels:
    """The attributes among the data's ``labels`` that the setting ``attributes`` names, in its order; all where it is not set."""
    names = settings.get("attributes", [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name for name in names):
        raise SettingError(
            f"attributes: should be a list of names, got {shown(repr(names))}",
            hint='e.g. attributes=["Smiling", "Male"]',
        )
    return chosen(labels, names, "attributes")


def _side_lengths(value: Any) -> tuple[int, int]:
    sides = (value, value) if isinstance(value, int) and not isinstance(value, bool) else value
    if (
        not isinstance(sides, list | tuple)
        or len(sides) != 2
        or not all(isinstance(s, int) and not isinstance(s, bool) and 1 <= s <= 4096 for s in sides)
    ):
        raise SettingError(
            f"image_size: should be a side length or [height, width] from 1 to 4096, got {shown(value)!r}",
            hint="e.g. image_size=32",
        )
    return sides[0], sides[1]


def _image_shape(value: Any) -> ImageShape:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise SettingError(
            f"image_shape: should be [channels, height, width], got {shown(value)!r}", hint="e.g. image_shape=[3,32,32]"
        )
    height, width = _side_lengths(list(value[1:]))
    channels = value[0]
    if not isinstance(channels, int) or not 1 <= channels <= 64:
        raise SettingError(f"image_shape: should have 1 to 64 channels, got {shown(channels)!r}")
    return channels, height, width


def _add_up(shared: dict[str, Any], recipe: Recipe) -> None:
    """Give each shared parameter that is a sum its value, unless it was set."""
    for name, parameter in recipe.shared.items():
        if parameter.sum_of and shared[name] is None:
            addends = {one: shared[one] for one in parameter.sum_of}
            wrong = next((one for one, value in addends.items() if type(value) is not int), None)
            if wrong is not None:
                raise SettingError(
                    f"{wrong}: should be a whole number, got {shown(addends[wrong])!r}",
                    hint=f"for instance {wrong}={recipe.shared[wrong].default}",
                )
            shared[name] = sum(addends.values())


def _joint(made: Plan) -> list[str]:
    """The slots of feature extractors that take codes."""
    extractors = {
        slot: part
        for slot, part in made.parts.items()
        if part.kind == "feature-extractor" and part.name and not part.saved
    }
    return [slot for slot, part in extractors.items() if "z" in part.component.inputs]


def _beside_the_recipe(made: Plan, recipe: Recipe, name: str) -> list[str]:
    """Where the shared parameter ``name`` stands in parts on codes that the recipe does not have, such as a head."""
    added = [
        slot for slot, part in made.parts.items() if slot not in recipe.parts and part.name and part.kind in ON_CODES
    ]
    return [f"{slot}.{name}" for slot in added if f"{slot}.{name}" not in recipe.shared[name].sets]


def _spread(made: Plan, shared: dict[str, Any], recipe: Recipe) -> None:
    """Set each shared parameter in the parts and objectives that have it and do not say otherwise themselves."""
    made.shared = shared
    for name, value in shared.items():
        sets = recipe.shared[name].sets
        # A joint discriminator that takes the decoder's codes is as wide, also where the recipe knows of none.
        joint = _joint(made) if "decoder.latent_dim" in sets else ()
        added = (*(f"{slot}.latent_dim" for slot in joint), *_beside_the_recipe(made, recipe, name))
        for target in dict.fromkeys((*sets, *added)):
            slot, _, parameter = target.rpartition(".")
            own = slot.removeprefix("objective.")
            holder = made.parts.get(slot) if own == slot else made.objectives.get(own)
            if holder is None or (isinstance(holder, PartPlan) and holder.saved):
                continue
            cls = holder.component
            if parameter in parameters(cls) and parameter not in holder.params:
                # Here it has the name that was typed.
                check_value(cls, parameter, value, name, recipe.shared[name].default)
                holder.params[parameter] = value
