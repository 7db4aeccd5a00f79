"""JSON as trees that can hold what JSON forbids: keys that are there twice, NaN, numbers without end. And ways to damage them."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st


class Raw(str):
    """Stands in the text as it is."""


class Table(list[list[Any]]):
    """A table as a list of [key, value]."""


def tree(value: Any) -> Any:
    """``value`` with its tables as :class:`Table`."""
    if isinstance(value, dict):
        return Table([[key, tree(inner)] for key, inner in value.items()])
    if isinstance(value, list):
        return [tree(inner) for inner in value]
    return value


def written(value: Any) -> str:
    """The text of a tree."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Table):
        return "{" + ",".join(f"{json.dumps(key)}:{written(inner)}" for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


IMPORT_PATHS = (
    "os:system",
    "os.system",
    "builtins:eval",
    "builtins.eval",
    "subprocess:Popen",
    "zoo_core.cli:main",
    "hostile_bait",
    "hostile_bait:run",
    "hostile_bait.run",
    "antigravity",
    "this:s",
    "zoo_basics.encoders.mlp:MLPEncoder",
    "zoo-basics:os.system",
    "zoo-basics:../mlp",
    "timm/../../x",
    "torchvision/os.system",
    "__import__('hostile_bait')",
    "{0.__class__}",
    "%(x)s",
    "${HOME}",
    "$(touch x)",
    "!!python/name:os",
)
COMPONENTS = (
    "zoo-basics:mlp",
    "zoo-basics:dcgan",
    "zoo-basics:gaussian",
    "zoo-basics:elbo",
    "zoo-basics:digits",
    "zoo-basics:prior",
    "mlp",
    "elbo",
    "zoo-discreg:discreg",
    "zoo-features:small-cnn",
    "zoo-features:digit-classifier",
    "reconstruction",
    "zoo-features:timm/",
    "zoo-nobody:mlp",
)
TERMINAL = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "a\rb",
    "a\nb\n",
    "\u202egnp.exe",
    "a\u2028b",
    "a\x85b",
    "\x00",
    "\ud800",
    "\x9b1m",
    "￿",
)
PATHS = (
    "..",
    "../../x",
    "/etc/passwd",
    "~",
    "~root/x",
    "C:\\x",
    "file:///etc/passwd",
    "hf:org/name",
    "./x",
    "\\\\host\\x",
    "con",
)
LONG = ("a" * 200_000, "é" * 5_000, "-" * 1_000)
TEXTS = (
    *IMPORT_PATHS,
    *COMPONENTS,
    *TERMINAL,
    *PATHS,
    *LONG,
    "",
    " ",
    "encoder",
    "Encoder",
    "self",
    "parts",
    "keys",
    "items",
    "forward",
    "__class__",
)
HUGE = (
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    10**9,
    10**12,
    10**30,
    10**400,
    10**4000,
    -(10**9),
    -(10**4000),
    Raw("1" + "0" * 5000),
)
NUMBERS = (
    0,
    1,
    2,
    3,
    -1,
    4096,
    4097,
    100_000,
    10**6,
    *HUGE,
    0.0,
    -0.0,
    0.5,
    1.5,
    4.0,
    -1.0,
    5e-324,
    1e308,
    -1e308,
    True,
    False,
    None,
    Raw("NaN"),
    Raw("Infinity"),
    Raw("-Infinity"),
    Raw("1e999"),
    Raw("-1e999"),
    Raw("1e-999"),
    Raw("01"),
    Raw("+1"),
    Raw("0x10"),
    Raw("1_000"),
)
CONTAINERS = (
    [],
    Table(),
    [[]],
    [None],
    ["x"],
    [1],
    [-1],
    [10**9],
    [1, 8, 8],
    [64, 4096, 4096],
    [4096, 4096, 4096],
    [1] * 20_000,
    ["x"] * 20_000,
    [10**6] * 50,
    Table([["name", "os:system"]]),
    Table([["", None]]),
    Table([["name", "zoo-basics:mlp"], ["params", Table()]]),
    Table([[f"k{i}", 1] for i in range(5_000)]),
    Table([["x", 1], ["x", 2]]),
    Raw("[" * 100 + "]" * 100),
    Raw("[" * 100_000 + "]" * 100_000),
    Raw('{"a":' * 40 + "1" + "}" * 40),
    Raw("{'a': 1}"),
    Raw("undefined"),
    Raw(""),
    Raw("}"),
    Raw("[1,]"),
    Raw("/**/1"),
    Raw('"\\x41"'),
)

texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=12))
numbers = st.one_of(st.sampled_from(NUMBERS), st.integers(), st.floats().map(lambda x: Raw(json.dumps(x))))
values = st.one_of(texts, numbers, st.sampled_from(CONTAINERS))


def places(value: Any, above: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """The ways to everything that stands in a table or a list of the tree."""
    found = []
    if isinstance(value, list) and not isinstance(value, Raw):
        for i, inner in enumerate(value[:50]):
            found += [(*above, i), *places(inner[1] if isinstance(value, Table) else inner, (*above, i))]
    return found


def _holder(value: Any, place: tuple[int, ...]) -> Any:
    for i in place[:-1]:
        value = value[i][1] if isinstance(value, Table) else value[i]
    return value


@st.composite
def damaged(draw: st.DrawFn, sound: Any, most: int = 3) -> Any:
    """The tree ``sound`` with one to ``most`` things replaced, removed, added, renamed, repeated, exchanged or wrapped."""
    value = copy.deepcopy(sound)
    for _ in range(draw(st.integers(1, most))):
        there = places(value)
        if not there:
            return value
        place = draw(st.sampled_from(there))
        holder, i = _holder(value, place), place[-1]
        table = isinstance(holder, Table)
        old = holder[i][1] if table else holder[i]
        way = draw(
            st.sampled_from(("replace", "replace", "replace", "remove", "add", "rename", "repeat", "exchange", "wrap"))
        )
        new = old
        if way == "replace":
            new = copy.deepcopy(draw(values))
        elif way == "wrap":
            new = draw(st.sampled_from(([old], Table([["name", old]]), [[old]] * 3)))
        elif way == "exchange":
            other = draw(st.sampled_from(there))
            inner = _holder(value, other)[other[-1]]
            new = copy.deepcopy(inner[1] if isinstance(_holder(value, other), Table) else inner)
        elif way == "rename" and table:
            holder[i][0] = draw(texts)
        elif way == "add":
            holder.insert(i, [draw(texts), copy.deepcopy(draw(values))] if table else copy.deepcopy(draw(values)))
            continue
        elif way == "repeat":
            key = draw(st.sampled_from((holder[i][0], None))) if table else None
            times = draw(st.sampled_from((1, 2, 100, 3000)))
            many = [[key or f"{holder[i][0]}{n}", old] for n in range(times)] if table else [old] * times
            holder[i:i] = many
            continue
        if way == "remove":
            del holder[i]
        elif table:
            holder[i][1] = new
        else:
            holder[i] = new
    return value


@st.composite
def torn(draw: st.DrawFn, sound: bytes) -> bytes:
    """A file with bytes cut off, cut out, changed, put in or written otherwise."""
    start = draw(st.integers(0, len(sound)))
    end = draw(st.integers(start, min(len(sound), start + 40)))
    put_in = draw(
        st.one_of(
            st.binary(max_size=8),
            st.sampled_from(
                (
                    b"\xff\xfe",
                    b"\xef\xbb\xbf",
                    b"\x00",
                    b"\xed\xa0\x80",
                    b"\x80\x04\x95",
                    b"[" * 100_000,
                    b'{"a":' * 10_000,
                    b"\n" * 1000,
                    b"1" * 10_000,
                    b"\x1b[2J",
                    b" " * 2_000_000,
                    b"NaN",
                    b",,",
                    b"//",
                    b"\\u0000",
                )
            ),
        )
    )
    return draw(
        st.sampled_from((sound[:start], sound[:start] + put_in + sound[end:], put_in + sound, sound + put_in, put_in))
    )
