"""Components that look at a built model: samplers, metrics and plots, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from zoo_core.building.compatibility import check_capabilities, check_slots
from zoo_core.errors import IncompatibleError
from zoo_core.hub.external import only
from zoo_core.interfaces import Metric, Part, Plot, Sampler
from zoo_core.registry.components import registry
from zoo_core.registry.parameter import check, parameters
from zoo_core.storage.config import sampler_entry

if TYPE_CHECKING:
    from zoo_core.model import Model


def sampler_for(model: Model, sampler: str | Mapping[str, Any] | None) -> Sampler:
    """The sampler that is asked for, or the model's own; see :meth:`~zoo_core.model.Model.samples`.

    Raises:
        UnknownName, SettingError, IncompatibleError: as :func:`bind_component`; or none is named and the model has none of its own.
    """
    params = dict(sampler) if isinstance(sampler, Mapping) else {"name": sampler or ""}
    own = sampler_entry(model.config)
    name = params.pop("name", "") or (own["name"] if own is not None else "")
    if not name:
        raise IncompatibleError(f"a {model.recipe} makes no pictures by itself", hint="see zoo list --kind sampler")
    if own is None or not own["params"] or registry().resolve("sampler", str(name)).qualified != own["name"]:
        return cast(Sampler, bind_component(model, "sampler", {"name": name, **params}))
    # What the model's config sets may come from a stranger: it can make nothing open files or fetch any.
    with only(()):
        return cast(Sampler, bind_component(model, "sampler", {"name": name, **own["params"], **params}))


def bind_component(
    model: Model, kind: Literal["sampler", "metric", "plot"], spec: str | Mapping[str, Any], **context: str | None
) -> Any:
    """The component of ``kind`` that ``spec`` names, checked against the model's parts, images and labels.

    Arguments:
        spec: a name, or a table with ``name`` and parameters.
        context: parameters that are filled in where the component has them, ``spec`` leaves them out and they are not None.

    Raises:
        UnknownName, SettingError, IncompatibleError: it is not there, takes other parameters, or is not for this model.
    """
    params = dict(spec) if isinstance(spec, Mapping) else {"name": spec}
    name = str(params.pop("name", ""))
    cls = cast("type[Sampler | Metric | Plot]", registry().resolve(kind, name).entry.load())
    who = f'{kind} "{name}"'
    refused = cls.tags.refusal(model.image_shape, model.labels.type, model.modality)
    if refused:
        raise IncompatibleError(f"{who} takes {refused}", hint=f"see zoo list --kind {kind} for others", component=name)
    config = model.config["parts"]
    check_slots(who, cls.needs, {slot: entry["kind"] for slot, entry in config.items()})
    parts = {slot: cast(Part, part) for slot, part in model.parts.items()}
    check_capabilities(who, cls.needs, parts, {slot: entry["name"] for slot, entry in config.items()})
    given = {key: value for key, value in context.items() if value is not None and key in parameters(cls)}
    return cls(**check(cls, {**given, **params}, name))
