"""Checks of parameters: each is declared, bounded, and refused where it would never do."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

import annotated_types as bound
import torch

from zoo_core.errors import SettingError, ZooError
from zoo_core.interfaces import CONTEXT, Tags
from zoo_core.registry.parameter import Parameter, check, parameters
from zoo_core.tensors.meta import TooLarge, bounded
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject

HUGE = 10**12
MOST_ELEMENTS = 10**9
"""What a kit's machine could not hold: components are built without memory where a value as large as this is let in."""


def check_is_documented(subject: Subject) -> None:
    """The class says in a docstring what it is, and names each of its parameters there."""
    inherited = [
        inspect.getdoc(cls) or "" for cls in subject.component.__mro__ if cls.__module__.split(".")[0] != "zoo_core"
    ]
    if not vars(subject.component).get("__doc__"):
        raise CheckFailed("a docstring of the class", found="none", do="say in a line what it is; zoo info shows it")
    missing = [name for name in parameters(subject.component) if not any(name in doc for doc in inherited)]
    if missing:
        raise CheckFailed(
            "each parameter in the class's docstring",
            found=f"nothing about {', '.join(missing)}",
            do='add "Arguments:" with a line for each',
        )


def check_tags_and_examples(subject: Subject) -> None:
    """``tags`` is a Tags, and ``examples()`` a list of settings that the component takes."""
    if not isinstance(subject.component.tags, Tags):
        found = type(subject.component.tags).__name__
        raise CheckFailed("tags of type Tags", found=found, do="tags: ClassVar[Tags] = Tags(...)")
    check(subject.component, subject.settings, subject.kind)
    if subject.entry.family and not isinstance(subject.example.get("architecture"), str):
        raise CheckFailed("an architecture in each example of a family", found=str(dict(subject.example)))


def check_arguments_are_keywords(subject: Subject) -> None:
    """``__init__`` takes annotated keyword-only arguments and nothing else: all of them are parameters or context."""
    init = inspect.unwrap(subject.component.__init__)
    if init is object.__init__ or isinstance(init, types.WrapperDescriptorType):
        return
    for argument in list(inspect.signature(init).parameters.values())[1:]:
        bare = argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD) and _is_inherited(init)
        if argument.kind is not argument.KEYWORD_ONLY and not bare:
            raise CheckFailed(
                "keyword-only arguments of __init__",
                found=f"{argument}",
                do="put a * after self, and name each argument",
            )
        if argument.name not in CONTEXT and argument.annotation is argument.empty and not bare:
            raise CheckFailed("annotated arguments of __init__", found=f"{argument.name} without a type")


def _is_inherited(init: Any) -> bool:
    """A class without an ``__init__`` of its own has that of torch or of the interfaces."""
    return str(init.__module__).startswith(("torch.", "zoo_core.interfaces"))


def check_numbers_are_bounded(subject: Subject) -> None:
    """Every number among the parameters has a bound, or is one of a few (``Literal``)."""
    for name, parameter in parameters(subject.component).items():
        if _unbounded(parameter.annotation):
            raise CheckFailed(
                f"bounds of the parameter {name}",
                found=f"any {parameter.type_text}",
                do=f"annotate it: {name}: Annotated[int, Ge(1), Le(65_536)]",
            )


def check_defaults_are_allowed(subject: Subject) -> None:
    """Each default lies within its own type and bounds."""
    own = parameters(subject.component)
    required = {name: value for name, value in subject.settings.items() if name in own and own[name].required}
    defaults = {**required, **{name: p.default for name, p in own.items() if not p.required}}
    try:
        check(subject.component, defaults, subject.kind)
    except SettingError as error:
        raise CheckFailed("defaults that may be set", found=str(error)) from None


def check_huge_values_are_refused(subject: Subject) -> None:
    """A width of a trillion is refused by its bounds, by ``__init__``, or is built on the meta device without memory."""
    for name, parameter in parameters(subject.component).items():
        for value in _huge(parameter):
            try:
                settings = check(subject.component, {**subject.settings, name: value}, subject.kind)
            except SettingError:
                continue
            try:
                # Sizes that no machine holds: what is built in memory there is never finished.
                with torch.device("meta"), bounded(1000, MOST_ELEMENTS // 4):
                    subject.fresh(settings=settings)
            except (TooLarge, ZooError, ValueError):
                continue
            except (RuntimeError, MemoryError, OverflowError, TypeError) as error:
                raise CheckFailed(
                    f"{name}={value} to be refused",
                    found=f"{type(error).__name__}: {str(error)[:120]}",
                    do=f"bound it above: {name}: Annotated[int, Ge(1), Le(65_536)]",
                ) from None


def _huge(parameter: Parameter) -> list[Any]:
    kinds = {t for t, _ in _numbers(parameter.annotation)}
    if get_origin(_bare(parameter.annotation)) in (tuple, list):
        return [[HUGE]] if int in kinds else []
    return [HUGE] if int in kinds else []


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _unbounded(annotation: Any) -> bool:
    return any(not bounds for _, bounds in _numbers(annotation))


def _numbers(annotation: Any, bounds: tuple[Any, ...] = ()) -> Iterator[tuple[type, tuple[Any, ...]]]:
    """The numbers in an annotation, each with its bounds."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        limits = tuple(
            m for m in arguments[1:] if isinstance(m, bound.Ge | bound.Gt | bound.Le | bound.Lt | bound.Interval)
        )
        yield from _numbers(arguments[0], limits)
    elif annotation in (int, float):
        yield annotation, bounds
    elif origin in (Union, types.UnionType):
        for one in arguments:
            yield from _numbers(one, bounds)
        return
    elif origin in (tuple, list, dict):
        # Indices beside names ("the last layer but one") are checked by what they index.
        for one in arguments:
            if one is not Ellipsis and not _index_or_name(one):
                yield from _numbers(one)
    elif dataclasses.is_dataclass(annotation):
        return


def _index_or_name(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType) and set(get_args(annotation)) == {int, str}
