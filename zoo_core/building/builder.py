"""build: names to a model."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from zoo_core.building import compatibility, saved_labels
from zoo_core.building.migration import migrated
from zoo_core.building.plan import Chosen, PartPlan, Plan, plan
from zoo_core.building.saved_part import load_part
from zoo_core.building.suggestions import Suggestions
from zoo_core.data.labels import told_labels
from zoo_core.errors import ConfigError, PluginFailed, SettingError, ZooError, shown
from zoo_core.game.rules import check_tables, rules_for
from zoo_core.game.settings import training_settings
from zoo_core.hub.external import building_from_config, externals, only
from zoo_core.interfaces import ImageShape, Labels, Modality, Need, Nested, Objective, Part, Vocabulary
from zoo_core.interfaces.nested import Builder
from zoo_core.interfaces.vocabulary import NO_TOKENS
from zoo_core.model import Model
from zoo_core.noise import derive_seed
from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry
from zoo_core.registry.parameter import check, context, parameters
from zoo_core.storage.config import FORMAT, check_config, sampler_entry
from zoo_core.tensors.lazy import materialize_lazy
from zoo_core.tensors.meta import WeightInit
from zoo_core.version import VERSION

if TYPE_CHECKING:
    from zoo_core.interfaces import Dataset

_TAKEN = frozenset(dir(nn.ModuleDict()))
"""Names that parts cannot have, as their container has them itself."""


def build(
    recipe: str | Mapping[str, Any],
    *,
    data: str | Dataset | None = None,
    data_root: str | None = None,
    data_settings: Mapping[str, Any] | None = None,
    image_shape: ImageShape | None = None,
    labels: Labels | None = None,
    vocabulary: Vocabulary | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    **settings: Any,
) -> Model:
    """A model with new weights.

    Arguments:
        recipe: a recipe's name (``zoo list``), or the ``config`` of a model, which gives the same model again.
        data: a data set (``"digits"``, ``"celeba:Eyeglasses"``, ``"folder:PATH"``): its image shape and labels are taken
            over, and the recipe's settings for it. So are the vocabulary and length of windows of tokens.
        data_root, data_settings: where data sets lie, and parameters of this one.
        image_shape: (C, H, W), where ``data`` does not say.
        labels: classes or attributes, where ``data`` does not say.
        vocabulary: of tokens, where ``data`` does not say; ``image_shape`` is then (1, 1, T).
        seed: each part is initialised from its own generator derived from (seed, part name), so that swapping one part
            leaves the weights of the others as they were.
        device, dtype: where the weights are and how wide; never part of the config.
        settings: parts by name (``encoder="resnet"``, ``classifier={"name": "vgg19", "weights": None}``), shared parameters
            (``latent_dim=128``), ``objective=["elbo", "discreg"]``, ``image_size=32``,
            ``attributes=["Smiling", "Male"]`` (which of the data's, in this order), ``training={"epochs": 5}``, and anything inside
            with a dotted key (``**{"encoder.width": 64}``). ``zoo info RECIPE`` lists them all.

    Raises:
        UnknownName, SettingError, IncompatibleError, WeightsError: with what to type instead.
    """
    if "pretrained" in settings:
        raise SettingError(
            "build makes new weights and takes no pretrained=",
            hint='load saved ones with zoo.load("PATH or org/name"); a frozen extractor has weights="default"',
        )
    if data is None and (data_root is not None or data_settings):
        raise SettingError(
            "data_root and data_settings are of data, and none are named", hint='name them, as in data="digits"'
        )
    if isinstance(recipe, Mapping):
        if any(given is not None for given in (data, image_shape, labels, vocabulary)) or settings:
            raise SettingError(
                "a config is built as it is and takes no settings", hint="build by the recipe's name to change parts"
            )
        made = plan_from_config(check_config(dict(recipe)))
    else:
        modality = modality_of(vocabulary)
        if data is not None:
            from zoo_core.data.references import open_dataset, registered_name

            opened = open_dataset(data, root=data_root, settings=data_settings)
            image_shape, labels = image_shape or opened.image_shape, labels or opened.labels
            modality, vocabulary = opened.modality, vocabulary or opened.vocabulary
            data = registered_name(opened)
        made = plan(
            catalogue().recipe(recipe),
            settings,
            image_shape=image_shape,
            labels=labels,
            modality=modality,
            vocabulary=vocabulary or NO_TOKENS,
            data=data,
        )
    return build_plan(made, seed=seed, device=device, dtype=dtype)


def build_plan(
    made: Plan,
    *,
    seed: int = 0,
    device: torch.device | str | None = "cpu",
    dtype: torch.dtype = torch.float32,
    making: WeightInit | None = None,
) -> Model:
    """The model that a plan describes.

    Arguments:
        device: where to; None leaves it where ``making`` put it.
        making: how its parts come into being, where their weights are given to them afterwards.
    """
    if made.listed is None:
        return _build_plan(made, seed, device, dtype, making or WeightInit())
    with only(made.listed):
        return _build_plan(made, seed, device, dtype, making or WeightInit())


def _build_plan(
    made: Plan, seed: int, device: torch.device | str | None, dtype: torch.dtype, making: WeightInit
) -> Model:
    asked = {
        f'objective "{name}"': objective.component.needs_for(objective.params)
        for name, objective in made.objectives.items()
    }
    suggest = Suggestions(made, build_part)
    _check_settings(made, asked, suggest)
    # A saved part goes by its own order of the labels; the data are brought into that.
    made = replace(made, labels=saved_labels.in_saved_order(made), vocabulary=saved_labels.saved_vocabulary(made))
    saved_labels.refuse_other_labels(made, saved_labels.judged_by_label(made))
    parts: dict[str, Part] = {}
    entries: dict[str, dict[str, Any]] = {}
    for name, planned in made.parts.items():
        parts[name], entries[name] = _build_part(name, planned, made, seed, making)
    saved_labels.refuse_other_labels(made, told_labels(parts))
    names = {name: planned.spelled for name, planned in made.parts.items()}
    compatibility.check_all(
        parts,
        names,
        asked,
        lambda slot, wanted: suggest.for_part(slot, made.parts[slot], wanted),
        suggest.fitting,
    )

    objectives: dict[str, Objective] = {}
    objective_entries: dict[str, dict[str, Any]] = {}
    for name, planned_objective in made.objectives.items():
        objectives[name], objective_entries[name] = _build_objective(name, planned_objective, made, parts, seed, making)
        if name in parts:
            raise SettingError(f"{name!r} is both a part and an objective of this model")
    for name in (*parts, *objectives):
        if name in _TAKEN:
            raise SettingError(f"no part or objective can be called {name!r}", hint="the name is taken by torch")

    trainable = frozenset(name for name in parts if made.parts[name].trainable)
    rules = rules_for(objectives, trainable, made.training)
    training = _plain({**made.training, "turns": rules.turns, "players": rules.players})
    config = {
        "format": FORMAT,
        "zoo_core": VERSION,
        "recipe": made.recipe,
        "image_shape": list(made.image_shape),
        **({} if made.modality == "image" else {"modality": made.modality}),
        **({"vocabulary": list(made.vocabulary.tokens)} if made.vocabulary else {}),
        "labels": {"type": made.labels.type, **({"names": list(made.labels.names)} if made.labels.names else {})},
        "sampler": _sampler_entry(made.sampler) if made.sampler else "",
        "parts": entries,
        "objectives": objective_entries,
        "training": training,
    }
    model = Model(config, parts, objectives, frozen=frozenset(parts) - trainable)
    return model.to_device(device, dtype)


def _check_settings(made: Plan, asked: Mapping[str, Mapping[str, Need]], suggest: Suggestions) -> None:
    """Everything that can be refused before anything is built or fetched: missing parts, values, images and labels, the training.

    Arguments:
        asked: ``objective "elbo"`` and the like to what it needs.
    """
    slots = {name: part.kind for name, part in made.parts.items()}
    for who, needs in asked.items():
        compatibility.check_slots(who, needs, slots, suggest.fitting)
    if made.sampler:
        compatibility.check_slots(f'sampler "{made.sampler.spelled}"', made.sampler.component.needs, slots)
        check(made.sampler.component, made.sampler.params, "sampler")
    for where, planned in (*made.parts.items(), *((f"objective.{name}", one) for name, one in made.objectives.items())):
        check(planned.component, planned.params, where)
        compatibility.check_tags(
            where, planned.kind, planned.spelled, planned.component, made.image_shape, made.labels, made.modality
        )
    training_settings(made.training)
    check_tables(made.training)


def _sampler_entry(planned: Chosen) -> str | dict[str, Any]:
    """The sampler as a config has it: its name, or an entry with all its parameters where some are set."""
    if not planned.params:
        return planned.resolved.qualified
    params = check(planned.component, planned.params, "sampler")
    return _entry(planned, params, Inner(planned.component, "sampler"))


def _entry(planned: Chosen, params: Mapping[str, Any], inner: Inner) -> dict[str, Any]:
    """What a config says of a component."""
    entry = planned.resolved.entry
    return {
        "name": planned.resolved.qualified,
        "format": planned.component.format,
        "version": entry.version,
        "params": _complete(planned.component, params, inner),
    }


def build_part(
    kind: str,
    spec: str | Mapping[str, Any],
    *,
    image_shape: ImageShape,
    labels: Labels | None = None,
    vocabulary: Vocabulary | None = None,
    seed: int = 0,
) -> Part:
    """One component by itself, for instance a feature extractor for a metric.

    Where a component calls it for a net of its own (see :class:`~zoo_core.interfaces.Nested` for the better way), a model that is built
    from a config gets that net without weights of its own: they are in the model's file.

    Arguments:
        spec: a component's name, or a table with ``name`` and parameters.
        image_shape, labels, vocabulary: of what it looks at; without a vocabulary these are images.
    """
    params: dict[str, Any] = dict(spec) if isinstance(spec, Mapping) else {"name": spec}
    name = params.pop("name", "")
    planned = PartPlan(kind, name, params)
    if building_from_config() and "weights" in parameters(planned.component):
        # A pinned reference is held against what the config lists when it is fetched.
        params["weights"] = params.get("weights") if isinstance(params.get("weights"), Mapping) else None
    made = Plan("", image_shape, labels or Labels(), {}, {}, None, {})
    made.modality, made.vocabulary = modality_of(vocabulary), vocabulary or NO_TOKENS
    part, _ = _build_part(kind, planned, made, seed, WeightInit())
    return part


def modality_of(vocabulary: Vocabulary | None) -> Modality:
    """What data are of, where only their vocabulary says it."""
    return "tokens" if vocabulary else "image"


def _build_part(slot: str, planned: PartPlan, made: Plan, seed: int, making: WeightInit) -> tuple[Part, dict[str, Any]]:
    resolved, cls = planned.resolved, cast("type[Part]", planned.component)
    params = check(cls, planned.params, slot)
    compatibility.check_tags(slot, planned.kind, planned.spelled, cls, made.image_shape, made.labels, made.modality)
    brings_weights = not planned.trainable and bool(params.get("weights"))
    inner = Inner(cls, slot)
    within = nullcontext() if planned.saved is None else only(planned.saved.listed)  # its config may be a stranger's
    with within, making.self_loading() if brings_weights else making.loaded():
        part = cast(Part, _construct(cls, slot, params, made, seed, inner, architecture=resolved.architecture))
        materialize_lazy(part, slot, made.image_shape, seed, made.modality)
    if planned.saved is not None and not planned.saved.referenced:
        load_part(part, planned.saved.folder, planned.saved.slot)
    if not planned.trainable:
        part.requires_grad_(False)
    entry: dict[str, Any] = {"kind": planned.kind, **_entry(planned, params, inner)}
    if not planned.trainable:
        entry["trainable"] = False
        if part.weights_reference is not None:
            entry["weights"] = dict(part.weights_reference)
    return part, entry


def _build_objective(
    name: str, planned: Chosen, made: Plan, parts: Mapping[str, Part], seed: int, making: WeightInit
) -> tuple[Objective, dict[str, Any]]:
    cls = cast("type[Objective]", planned.component)
    params = check(cls, planned.params, f"objective.{name}")
    inner = Inner(cls, f"objective.{name}")
    with making.fresh() if cls.training_only else making.loaded():
        objective = cast(Objective, _construct(cls, f"objective.{name}", params, made, seed, inner, parts=parts))
    return objective, _entry(planned, params, inner)


def _construct(
    cls: type[Any],
    where: str,
    params: Mapping[str, Any],
    made: Plan,
    seed: int,
    inner: Inner,
    *,
    architecture: str | None = None,
    parts: Mapping[str, Part] | None = None,
) -> Any:
    available = {
        "image_shape": made.image_shape,
        "labels": made.labels,
        "modality": made.modality,
        "vocabulary": made.vocabulary,
        "architecture": architecture,
        "parts": parts,
    }
    try:
        return constructed(cls, params, available, derive_seed(seed, where), inner)
    except ZooError:
        raise
    except ValueError as error:
        raise SettingError(f"{where}: {shown(error, 400)}") from error
    except Exception as error:
        file = Path(inspect.getfile(cls)).name
        raise PluginFailed(
            f"{where}: {cls.__name__} ({file}) could not be built: {type(error).__name__}: {shown(error)}"
        ) from error


class Inner:
    """The components inside one that is being built.

    Arguments:
        cls: the one around them.
        where: its place, for messages: ``decoder``, ``objective.dfm``.
    """

    def __init__(self, cls: type[Any], where: str) -> None:
        self.cls, self.where = cls, where
        self.entries: dict[str, dict[str, Any]] = {}
        """By setting: what was built, as the config has it."""

    def bound(self, params: Mapping[str, Any], available: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """``params`` with every component inside ready to be built, each from a seed of its own."""
        ready = dict(params)
        for key, parameter in parameters(self.cls).items():
            if parameter.nested:
                given = (
                    params[key]
                    if key in params
                    else check(self.cls, {key: parameter.default}, self.where, partly=True)[key]
                )
                ready[key] = (
                    None
                    if given is None
                    else given.bound(
                        self._builder(key, parameter.nested, given, available, seed),
                        parameters(PartPlan(parameter.nested, given.name, {}).component),
                    )
                )
        return ready

    def _builder(
        self, key: str, kind: str, given: Nested[Part], available: Mapping[str, Any], seed: int
    ) -> Builder[Part]:
        where, times = f"{self.where}.{key}".lstrip("."), itertools.count()

        def build(params: Mapping[str, Any], image_shape: ImageShape | None, labels: Labels | None) -> Part:
            for taken in params.keys() & given.params.keys():
                raise SettingError(
                    f"{where}.{taken}: is decided by {self.cls.__name__} and cannot be set", key=f"{where}.{taken}"
                )
            plan = Plan("", image_shape or available["image_shape"], labels or available["labels"], {}, {}, None, {})
            if image_shape is None:  # it sees what the model sees
                plan.modality, plan.vocabulary = available["modality"], available["vocabulary"]
            planned = PartPlan(kind, given.name, {**given.params, **params})
            part, entry = _build_part(where, planned, plan, derive_seed(seed, key, next(times)), WeightInit())
            compatibility.check_inputs(self.cls.__name__, part, f'"{given.name}"', Need(kind), where)
            entry["params"] = {name: value for name, value in entry["params"].items() if name not in params}
            self.entries[key] = entry
            return part

        return build


def constructed(
    cls: type[Any], params: Mapping[str, Any], available: Mapping[str, Any], seed: int, inner: Inner | None = None
) -> Any:
    """``cls`` with checked ``params`` and what it takes of the context ``available``, its first weights drawn from ``seed``."""
    filled = {name: available[name] for name in context(cls)}
    params = (inner or Inner(cls, "")).bound(params, available, seed)
    # From the CPU's global generator, put back afterwards. (torch.manual_seed would also queue a seed for every accelerator.)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return cls(**params, **filled)


def plan_from_config(config: Mapping[str, Any]) -> Plan:
    """The plan of a saved model.

    Raises:
        ConfigError: a component was saved in a newer format than the installed one reads.
    """
    known = registry()
    parts: dict[str, PartPlan] = {}
    for name, entry in config["parts"].items():
        params = migrated(entry, entry["kind"], f"parts.{name}")
        resolved = known.resolve_saved(entry["kind"], entry["name"])
        if "weights" in parameters(resolved.entry.load()):
            params["weights"] = entry.get("weights")
        elif "weights" in entry:
            raise ConfigError(f"parts.{shown(name)}: {shown(entry['name'])} takes no weights of its own")
        parts[name] = PartPlan(entry["kind"], resolved.qualified, params, entry.get("trainable", True))
    objectives = {
        name: Chosen(
            "objective",
            known.resolve_saved("objective", entry["name"]).qualified,
            migrated(entry, "objective", f"objectives.{name}"),
        )
        for name, entry in config["objectives"].items()
    }
    labels = Labels.of(config)
    channels, height, width = config["image_shape"]
    return Plan(
        config["recipe"],
        (channels, height, width),
        labels,
        parts,
        objectives,
        _planned_sampler(config),
        dict(config["training"]),
        listed=tuple(externals(config)),
        modality=config.get("modality", "image"),
        vocabulary=Vocabulary.of(config),
    )


def _planned_sampler(config: Mapping[str, Any]) -> Chosen | None:
    entry = sampler_entry(config)
    if entry is None:
        return None
    params = migrated(entry, "sampler", "sampler") if "format" in entry else {}
    return Chosen("sampler", registry().resolve_saved("sampler", entry["name"]).qualified, params)


def _complete(cls: type[Any], params: Mapping[str, Any], inner: Inner) -> dict[str, Any]:
    """``params`` with the defaults of what is not given, so that a saved model does not change when a default does; and with the
    entries of the components inside. Where its weights come from stands elsewhere."""
    defaults = {name: p.default for name, p in parameters(cls).items() if not p.required}
    complete = {**defaults, **params, **inner.entries}
    completed: dict[str, Any] = _plain({name: value for name, value in complete.items() if name != "weights"})
    return completed


def _plain(value: Any) -> Any:
    """``value`` as JSON has it: tuples as lists, settings classes as tables."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Nested):  # of one that was not built
        return _plain({"name": value.name, **{key: inner for key, inner in value.params.items() if key != "weights"}})
    if is_dataclass(value):
        return _plain(vars(value))
    return value
