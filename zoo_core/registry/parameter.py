"""Parameters: what can be set on a component, and whether a value may be set.

They are the annotated keyword-only arguments of ``__init__``, less the context that ``build`` fills in.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
from collections.abc import Hashable, Mapping, Sequence, Set
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from zoo_core.errors import PluginFailed, SettingError, did_you_mean, shown
from zoo_core.registry.names import INTERFACES

if TYPE_CHECKING:
    from pydantic import TypeAdapter


_JSON = json.JSONEncoder(allow_nan=False)
_NOUNS = ("integer", "number", "string", "list", "table")


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter of a component.

    Arguments:
        name: as in ``encoder.NAME``.
        annotation: its type, with bounds (``Annotated``).
        default: its default, None where it is ``required``.
        required: whether it must be given.
        type_text: its type for people: ``integer``, ``gaussian | bernoulli``, ``list of integers``.
        bounds_text: its bounds for people: ``≥ 1``, or empty.
        nested: the kind of component that it takes (:class:`~zoo_core.interfaces.Nested`), with the ``default`` as a user writes
            it; empty where it takes a plain value.
    """

    name: str
    annotation: Any
    default: Any
    required: bool
    type_text: str
    bounds_text: str
    nested: str = ""

    @property
    def expected(self) -> str:
        """Type and bounds as one phrase."""
        return f"{self.type_text} {self.bounds_text}".strip()


def parameters(cls: type[Any]) -> Mapping[str, Parameter]:
    """The parameters of ``cls``, in the order in which it declares them.

    Raises:
        PluginFailed: one has no annotation, or one that cannot be resolved.
    """
    return _parameters(cast(Hashable, cls))


def context(cls: type[Any]) -> set[str]:
    """Which context arguments (:data:`~zoo_core.interfaces.CONTEXT`) the constructor of ``cls`` takes."""
    from zoo_core.interfaces import CONTEXT

    return set(CONTEXT & {argument.name for argument in _arguments(cast(Hashable, cls))})


def check(cls: type[Any], params: Mapping[str, Any], where: str, *, partly: bool = False) -> dict[str, Any]:
    """``params`` as the constructor of ``cls`` takes them: checked strictly against the annotations, lists as tuples, components
    inside as :class:`~zoo_core.interfaces.Nested`.

    Arguments:
        params: the values that are set, as JSON has them.
        where: what stands before the key in messages: ``encoder``, ``objective.elbo``.
        partly: required ones may still be missing.

    Raises:
        SettingError: an unknown key, a value of the wrong type or out of bounds, or a required one that is missing.
        UnknownName, NameConflict: of a component inside.
        PluginFailed: ``cls`` declares its parameters wrongly.
    """
    known = parameters(cls)
    checked = {}
    for name, value in params.items():
        key = f"{where}.{name}" if where else name
        if name not in known:
            raise _unknown(cls, name, key, known)
        checked[name] = _checked(cls, known[name], value, key)
    missing = [name for name, parameter in known.items() if parameter.required and name not in params]
    if missing and not partly:
        example = known[missing[0]]
        prefix = f"{where}." if where else ""
        raise SettingError(
            f"{shown(where) or cls.__name__}: {', '.join(missing)} must be given ({missing[0]}: {example.expected})",
            hint=f"for instance {prefix}{missing[0]}={_example(example)}",
            where=where,
            missing=missing,
        )
    return checked


def check_value(cls: type[Any], name: str, value: Any, key: str, example: Any = None) -> None:
    """Hold a value against the parameter ``name`` of ``cls``.

    Arguments:
        key: what messages call it.
        example: the value that they show; None is the parameter's own default.

    Raises:
        SettingError: it is of the wrong type or out of bounds.
    """
    parameter = parameters(cls)[name]
    if example is not None:
        parameter = dataclasses.replace(parameter, default=example, required=False)
    _checked(cls, parameter, value, key)


@cache
def _arguments(cls: Any) -> tuple[inspect.Parameter, ...]:
    declared = list(inspect.signature(inspect.unwrap(cls.__init__)).parameters.values())[1:]
    return tuple(argument for argument in declared if argument.kind is inspect.Parameter.KEYWORD_ONLY)


@cache
def _parameters(cls: Any) -> Mapping[str, Parameter]:
    from zoo_core.interfaces import CONTEXT

    arguments = [argument for argument in _arguments(cls) if argument.name not in CONTEXT]
    for argument in arguments:
        if argument.annotation is inspect.Parameter.empty:
            raise PluginFailed(f"{cls.__module__}.{cls.__name__}: parameter {argument.name} has no annotation")
    # Only these are resolved: the types of context arguments may be imported for type checkers alone.
    bare = types.SimpleNamespace(__annotations__={argument.name: argument.annotation for argument in arguments})
    scope = getattr(inspect.unwrap(cls.__init__), "__globals__", {})
    try:
        hints = get_type_hints(bare, globalns=scope, include_extras=True)
    except Exception as error:
        raise PluginFailed(
            f"{cls.__module__}.{cls.__name__}: its annotations cannot be resolved: {shown(error)}"
        ) from error
    made = {}
    for argument in arguments:
        annotation = hints[argument.name]
        required = argument.default is inspect.Parameter.empty
        # A dataclass field with a factory has no default to show in the signature; the factory makes it.
        default = None if required else _default(cls, argument)
        if kind := _nested_kind(annotation):
            spec = None if default is None else default.spec
            made[argument.name] = Parameter(argument.name, annotation, spec, required, kind, "", nested=kind)
        else:
            made[argument.name] = Parameter(argument.name, annotation, default, required, *_described(annotation))
    return types.MappingProxyType(made)


def _nested_kind(annotation: Any) -> str:
    """The kind of the components that ``Nested[Decoder]`` takes, also where None may stand in its place; else empty."""
    from zoo_core import interfaces

    inner = [one for one in (annotation, *get_args(annotation)) if get_origin(one) is interfaces.Nested]
    if not inner:
        return ""
    wanted = get_args(inner[0])[0]
    return next(kind for kind, name in INTERFACES if getattr(interfaces, name) is wanted)


def _default(cls: type[Any], argument: inspect.Parameter) -> Any:
    if dataclasses.is_dataclass(cls):
        factory = cls.__dataclass_fields__[argument.name].default_factory
        if factory is not dataclasses.MISSING:
            return factory()
    return argument.default


@cache
def _adapter(cls: Any, name: str) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(parameters(cls)[name].annotation)
    except Exception as error:
        raise PluginFailed(
            f"{cls.__module__}.{cls.__name__}: the type of parameter {name} cannot be checked: {shown(error)}"
        ) from error


def nested_spec(parameter: Parameter, value: Any, key: str) -> tuple[str, dict[str, Any]]:
    """Name and parameters of a component inside, from what a user gave for ``parameter``: a name, or a table whose ``name`` may be
    left out where there is a default.

    Raises:
        SettingError: it is neither.
    """
    table = dict(value) if isinstance(value, Mapping) else {"name": value}
    if "name" not in table and parameter.default is not None:
        default = parameter.default
        table = {**default, **table} if isinstance(default, Mapping) else {"name": default, **table}
    name = table.pop("name", None)
    if not isinstance(name, str) or not name:
        raise SettingError(
            f"{shown(key)}: should be the name of a component of kind {parameter.nested}, or a table with its name, got {shown(value)!r}",
            hint=f"for instance {shown(key)}={_example(parameter)}; see: zoo list --kind {parameter.nested}",
            key=key,
            value=value,
        )
    return name, table


def _checked_nested(parameter: Parameter, value: Any, key: str) -> Any:
    from zoo_core.interfaces import Nested
    from zoo_core.registry.components import registry

    if value is None and not parameter.required and parameter.default is None:
        return None
    name, params = nested_spec(parameter, value.spec if isinstance(value, Nested) else value, key)
    resolved = registry().resolve(parameter.nested, name)
    # What is missing may be given by the component around it.
    check(resolved.entry.load(), params, key, partly=True)
    return Nested(resolved.qualified, **params)


def _checked(cls: type[Any], parameter: Parameter, value: Any, key: str) -> Any:
    if parameter.nested:
        return _checked_nested(parameter, value, key)
    try:
        text = _JSON.encode(value)
    except (TypeError, ValueError, RecursionError):
        raise _refused(parameter, key, shown(repr(value)), value) from None
    adapter = _adapter(cast(Hashable, cls), parameter.name)
    try:
        return adapter.validate_json(text, strict=True)
    except ValueError:  # of which pydantic's ValidationError is one
        raise _refused(parameter, key, shown(json.dumps(value, ensure_ascii=False)), value) from None


def _refused(parameter: Parameter, key: str, got: str, value: Any) -> SettingError:
    expected = parameter.expected
    if expected.split(" ")[0] in _NOUNS:
        expected = f"{'an' if expected[0] == 'i' else 'a'} {expected}"
    elif " | " in parameter.type_text:
        expected = "one of " + parameter.expected.replace(" | ", ", ")
    return SettingError(
        f"{shown(key)}: should be {expected}, got {got}",
        hint=f"for instance {shown(key)}={_example(parameter)}",
        key=key,
        value=value,
        expected=parameter.expected,
    )


def _unknown(cls: type[Any], name: str, key: str, known: Mapping[str, Parameter]) -> SettingError:
    if name in context(cls):
        return SettingError(f"{shown(key)}: is filled in from the model and cannot be set", key=key)
    near = did_you_mean(name, known)
    listed = f"it takes {', '.join(known)}" if known else "it takes no parameters"
    return SettingError(
        f"{shown(key)}: {cls.__name__} has no such parameter", hint=f"{near + ' ' if near else ''}{listed}", key=key
    )


def _example(parameter: Parameter) -> str:
    """A value that may be set, as a shell hands it to ``--set``: lists and tables in quotes."""
    default = None if parameter.required else parameter.default
    text = _json(default) if default is not None else None
    text = _json(_sample(parameter.annotation)) if text is None else text
    if text is None:
        return "VALUE"
    return f"'{text}'" if text.startswith(("[", "{")) else json.loads(text) if text.startswith('"') else text


def _json(value: Any) -> str | None:
    """``value`` as JSON; None where JSON has nothing like it."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return None


def _sample(annotation: Any) -> Any:
    """A value that ``annotation`` takes, as JSON has it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _within(_sample(arguments[0]), _bounds(annotation))
    if origin is Literal:
        return arguments[0]
    if origin in (Union, types.UnionType):
        return _sample(next((a for a in arguments if a is not type(None)), type(None)))
    if _is_fixed(origin, arguments):
        return [_sample(a) for a in arguments]
    if _is_list(origin or annotation):
        return [_sample(arguments[0])] if arguments else []
    if _is_table(origin or annotation):
        return {_sample(arguments[0]): _sample(arguments[1])} if arguments else {}
    if dataclasses.is_dataclass(annotation):
        fields = _fields(cast(Hashable, annotation))
        needed = [name for name, (_, required) in fields.items() if required] or list(fields)[:1]
        return {name: _sample(fields[name][0]) for name in needed}
    return {int: 1, float: 0.5, bool: True, str: "NAME", type(None): None}.get(annotation, "VALUE")


@cache
def _fields(cls: Any) -> dict[str, tuple[Any, bool]]:
    """The fields of a dataclass: the type of each, and whether it must be given."""
    missing = dataclasses.MISSING
    try:
        hints = get_type_hints(cls, include_extras=True)
    except Exception:  # whoever checks a value against them says so
        hints = {}
    return {
        field.name: (hints.get(field.name, Any), field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(cls)
    }


def _within(value: Any, bounds: Sequence[Any]) -> Any:
    """``value``, or one near its ``bounds`` that keeps to them."""
    if isinstance(value, list | str):
        near = [value * bound.min_length for bound in bounds if hasattr(bound, "min_length")]
    elif isinstance(value, int | float):
        names = ("ge", "gt", "le", "lt", "multiple_of")
        ends = [getattr(bound, name) for bound in bounds for name in names if hasattr(bound, name)]
        near = [*ends, *(end + 1 for end in ends), *(end - 1 for end in ends), sum(ends) / max(len(ends), 1)]
    else:
        near = []
    fitting = (one for one in [value, *near] if type(one) is type(value) or isinstance(value, float))
    return next((one for one in fitting if all(_holds(bound, one) for bound in bounds)), value)


def _holds(bound: Any, value: Any) -> bool:
    import annotated_types as known

    match bound:
        case known.Ge():
            return bool(value >= bound.ge)
        case known.Gt():
            return bool(value > bound.gt)
        case known.Le():
            return bool(value <= bound.le)
        case known.Lt():
            return bool(value < bound.lt)
        case known.MultipleOf():
            return bool(value % bound.multiple_of == 0)
        case known.MinLen():
            return len(value) >= bound.min_length
        case _:
            return True


def _described(annotation: Any) -> tuple[str, str]:
    """Type and bounds of an annotation, for people."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        text, inner = _described(arguments[0])
        return text, ", ".join(filter(None, [inner, *map(_bound_text, _bounds(annotation))]))
    if origin is Literal:
        return " | ".join(a if isinstance(a, str) else json.dumps(a) for a in arguments), ""
    if origin in (Union, types.UnionType):
        described = [_described(a) for a in arguments]
        return " or ".join(text for text, _ in described), ", ".join(bounds for _, bounds in described if bounds)
    if _is_fixed(origin, arguments):
        described = [_described(a) for a in arguments]
        bounds = list(dict.fromkeys(bounds for _, bounds in described if bounds))
        return f"list [{', '.join(text for text, _ in described)}]", f"each {', '.join(bounds)}" if bounds else ""
    if _is_list(origin or annotation):
        return _holding("list", arguments[:1])
    if _is_table(origin or annotation):
        return _holding("table", arguments[1:])
    if dataclasses.is_dataclass(annotation):
        return f"table with {', '.join(_fields(cast(Hashable, annotation)))}", ""
    names = {int: "integer", float: "number", bool: "true | false", str: "string", type(None): "null", Any: "any value"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation))), ""


def _holding(container: str, values: tuple[Any, ...]) -> tuple[str, str]:
    """Type and bounds of a list or table whose values are of type ``values``, which is empty where nobody says of which."""
    if not values or values[0] is Any:
        return container, ""
    text, bounds = _described(values[0])
    head, space, rest = text.partition(" ")
    plural = f"{head}s{space}{rest}" if head in _NOUNS else text
    return f"{container} of {plural}", bounds if not bounds or bounds.startswith("each ") else f"each {bounds}"


def _is_fixed(origin: Any, arguments: tuple[Any, ...]) -> bool:
    """Whether it is a tuple that says of each of its places what stands there."""
    return origin is tuple and arguments[-1] is not Ellipsis


def _is_list(cls: Any) -> bool:
    return inspect.isclass(cls) and issubclass(cls, (Sequence, Set)) and not issubclass(cls, str | bytes)


def _is_table(cls: Any) -> bool:
    return inspect.isclass(cls) and issubclass(cls, Mapping)


def _bounds(annotation: Any) -> list[Any]:
    """The metadata of ``Annotated``, grouped ones (``Interval``, ``Len``) taken apart."""
    from annotated_types import GroupedMetadata

    flat: list[Any] = []
    for meta in get_args(annotation)[1:]:
        flat += list(meta) if isinstance(meta, GroupedMetadata) else [meta]
    return flat


def _bound_text(meta: Any) -> str:
    import annotated_types as bound

    match meta:
        case bound.Ge():
            return f"≥ {meta.ge}"
        case bound.Gt():
            return f"> {meta.gt}"
        case bound.Le():
            return f"≤ {meta.le}"
        case bound.Lt():
            return f"< {meta.lt}"
        case bound.MultipleOf():
            return f"a multiple of {meta.multiple_of}"
        case bound.MinLen():
            return f"at least {meta.min_length} long"
        case bound.MaxLen():
            return f"at most {meta.max_length} long"
        case _:
            return ""
