"""Parameters are read from annotations, and values are held against them strictly."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Interval, Le, Lt, MinLen, MultipleOf

from zoo_core.cli.values import parse_settings
from zoo_core.errors import PluginFailed, SettingError
from zoo_core.registry.parameter import check, context, parameters

if TYPE_CHECKING:
    from somewhere_that_is_not_there import ImageShape  # type: ignore[import-not-found]


class Net:
    def __init__(
        self,
        *,
        image_shape: ImageShape,
        latent_dim: Annotated[int, Ge(1)],
        width: Annotated[int, Ge(1), Le(512)] = 64,
        family: Literal["gaussian", "bernoulli"] = "gaussian",
        slope: Annotated[float, Gt(0)] = 0.2,
        bias: bool = True,
        layers: Annotated[tuple[str, ...], MinLen(1)] = ("a",),
        sides: tuple[int, int] | None = None,
        drop: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    ) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Rules:
    lr: Annotated[float, Gt(0)] = 1e-3
    extra: dict[str, int] = field(default_factory=dict)


def test_parameters_are_the_keyword_arguments_less_the_context() -> None:
    found = parameters(Net)
    assert list(found) == ["latent_dim", "width", "family", "slope", "bias", "layers", "sides", "drop"]
    assert context(Net) == {"image_shape"}
    assert found["latent_dim"].required and not found["width"].required
    assert found["width"].default == 64


@pytest.mark.parametrize(
    ("name", "type_text", "bounds_text"),
    [
        ("latent_dim", "integer", "≥ 1"),
        ("width", "integer", "≥ 1, ≤ 512"),
        ("family", "gaussian | bernoulli", ""),
        ("slope", "number", "> 0"),
        ("bias", "true | false", ""),
        ("layers", "list of strings", "at least 1 long"),
        ("sides", "list [integer, integer] or null", ""),
        ("drop", "number", "≥ 0, < 1"),
    ],
)
def test_types_and_bounds_are_said_in_words(name: str, type_text: str, bounds_text: str) -> None:
    assert (parameters(Net)[name].type_text, parameters(Net)[name].bounds_text) == (type_text, bounds_text)


def test_good_values_come_back_as_the_constructor_takes_them() -> None:
    given = {"latent_dim": 8, "slope": 1, "layers": ["a", "b"], "sides": [3, 4], "bias": False}
    assert check(Net, given, "encoder") == {
        "latent_dim": 8,
        "slope": 1.0,
        "layers": ("a", "b"),
        "sides": (3, 4),
        "bias": False,
    }
    assert check(Rules, {"lr": 0.1}, "") == {"lr": 0.1}
    assert parameters(Rules)["extra"].default == {}


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"width": "abc"}, 'encoder.width: should be an integer ≥ 1, ≤ 512, got "abc"; for instance encoder.width=64'),
        ({"width": 0}, "encoder.width: should be an integer ≥ 1, ≤ 512, got 0"),
        ({"width": 1.0}, "got 1.0"),
        ({"width": True}, "got true"),
        ({"width": None}, "got null"),
        ({"family": "gausian"}, "should be one of gaussian, bernoulli"),
        ({"slope": math.nan}, "got nan"),
        ({"slope": math.inf}, "got inf"),
        ({"slope": 0}, "should be a number > 0, got 0"),
        ({"layers": []}, "at least 1 long"),
        ({"sides": [1]}, "got [1]"),
        ({"bias": Path("x")}, "got PosixPath('x')"),
        ({"widht": 3}, 'encoder.widht: Net has no such parameter; did you mean "width"?'),
        ({"image_shape": [1, 2, 3]}, "filled in from the model"),
    ],
)
def test_bad_values_are_refused_with_key_expectation_and_example(params: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingError) as raised:
        check(Net, {"latent_dim": 2, **params}, "encoder")
    assert says in str(raised.value)


def test_missing_required_ones_are_named_with_an_example() -> None:
    with pytest.raises(SettingError) as raised:
        check(Net, {}, "encoder")
    assert (
        str(raised.value)
        == "encoder: latent_dim must be given (latent_dim: integer ≥ 1); for instance encoder.latent_dim=1"
    )


def test_a_parameter_without_annotation_is_the_plugins_failure() -> None:
    class Bare:
        def __init__(self, *, width=3) -> None:  # type: ignore[no-untyped-def]
            pass

    with pytest.raises(PluginFailed, match="width has no annotation"):
        parameters(Bare)


def test_a_class_without_a_constructor_has_no_parameters() -> None:
    class Nothing:
        pass

    assert parameters(Nothing) == {}
    with pytest.raises(SettingError, match="takes no parameters"):
        check(Nothing, {"a": 1}, "sampler")


@dataclass(frozen=True, kw_only=True)
class Place:
    row: int
    name: str = "here"


class Nested:
    def __init__(
        self,
        *,
        counts: dict[str, int],
        many: dict[str, Annotated[list[Annotated[int, Ge(2)]], MinLen(2)]],
        deep: dict[str, dict[Literal["low", "high"], float]],
        tables: list[dict[str, str]],
        names: list[str],
        choices: tuple[Literal["a", "b"], ...],
        pair: tuple[str, Annotated[float, Gt(3)]],
        anything: Mapping[str, Any],
        bare: dict,
        lists: list[list[bool]],
        perhaps: dict[str, int] | None,
        place: Place,
        places: list[Place],  # type: ignore[type-arg]
        even: Annotated[int, Ge(10), MultipleOf(2)],
        less: Annotated[float, Lt(0)],
        set_of: frozenset[str],
        line: str,
        word: Annotated[str, MinLen(1)],
        whatever: Any,
    ) -> None:
        pass


@pytest.mark.parametrize(
    ("name", "expected", "example"),
    [
        ("counts", "table of integers", """'{"NAME": 1}'"""),
        ("many", "table of lists of integers each ≥ 2, at least 2 long", """'{"NAME": [2, 2]}'"""),
        ("deep", "table of tables of numbers", """'{"NAME": {"low": 0.5}}'"""),
        ("tables", "list of tables of strings", """'[{"NAME": "NAME"}]'"""),
        ("names", "list of strings", """'["NAME"]'"""),
        ("choices", "list of a | b", """'["a"]'"""),
        ("pair", "list [string, number] each > 3", """'["NAME", 4]'"""),
        ("anything", "table", """'{"NAME": "VALUE"}'"""),
        ("bare", "table", "'{}'"),
        ("lists", "list of lists of true | false", "'[[true]]'"),
        ("perhaps", "table of integers or null", """'{"NAME": 1}'"""),
        ("place", "table with row, name", """'{"row": 1}'"""),
        ("places", "list of tables with row, name", """'[{"row": 1}]'"""),
        ("even", "integer ≥ 10, a multiple of 2", "10"),
        ("less", "number < 0", "-1"),
        ("set_of", "list of strings", """'["NAME"]'"""),
        ("line", "string", "NAME"),
        ("word", "string at least 1 long", "NAME"),
        ("whatever", "any value", "VALUE"),
    ],
)
def test_the_type_of_what_is_inside_is_said_and_shown(name: str, expected: str, example: str) -> None:
    assert parameters(Nested)[name].expected == expected
    with pytest.raises(SettingError) as raised:
        check(Nested, {name: Path("x")}, "part")
    assert str(raised.value).endswith(f"for instance part.{name}={example}")


def test_every_example_may_be_set() -> None:
    values = {}
    for name in parameters(Nested):
        with pytest.raises(SettingError) as raised:
            check(Nested, {name: Path("x")}, "")
        (words,) = shlex.split(raised.value.hint.removeprefix("for instance "))
        values |= parse_settings([words])
    assert set(check(Nested, values, "")) == set(parameters(Nested))
