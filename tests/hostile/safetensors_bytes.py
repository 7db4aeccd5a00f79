"""safetensors files put together by hand, so that they can be wrong."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from .json_trees import Raw, Table, damaged, tree, written

DTYPES = (
    "F64",
    "F32",
    "F16",
    "BF16",
    "I64",
    "I32",
    "I16",
    "I8",
    "U8",
    "U16",
    "U32",
    "U64",
    "BOOL",
    "C64",
    "F8_E4M3",
    "F8_E5M2",
    "F8_E8M0",
    "F4",
    "F6_E2M3",
    "F6_E3M2",
    "f32",
    "",
    "float32",
    "O",
    "\x1b[31m",
    32,
    None,
    ["F32"],
)
SHAPES: tuple[Any, ...] = (
    [],
    [0],
    [1],
    [4],
    [6, 4],
    [4, 6],
    [24],
    [-1],
    [0, 10**18],
    [10**18, 0],
    [2**63],
    [2**64],
    [2**32, 2**32],
    [2**62, 4],
    [1.5],
    ["4"],
    [None],
    [2_500_000_000],
    [1] * 70,
    [1] * 5000,
    "4",
    4,
    None,
    {},
    [[4]],
    [True],
)
OFFSETS: tuple[Any, ...] = (
    [0, 0],
    [0, 4],
    [0, 10**10],
    [10**10, 10**10 + 4],
    [4, 0],
    [-4, 0],
    [0, 2**63],
    [2**64 - 4, 2**64],
    [0, 2**64],
    [0],
    [0, 4, 8],
    [],
    None,
    "0",
    [0.0, 4.0],
    [None, None],
    [0, 1],
    [1, 97],
    [0, 96],
    [24, 120],
)
ENTRIES: tuple[Any, ...] = (
    "",
    "{",
    "[]",
    "null",
    "1",
    "{}",
    '{"format": 2}',
    '{"format": 0}',
    '{"format": true}',
    '{"format": "1"}',
    '{"format": 1e400}',
    '{"format": ' + "9" * 5000 + "}",
    '{"format": 1, "ties": []}',
    '{"format": 1, "ties": {"a": 1}}',
    '{"format": 1, "ties": {"a": "a"}}',
    '{"format": 1, "ties": {"a": "b", "b": "a"}}',
    '{"format": 1, "ties": {"parts.encoder.head.bias": "parts.encoder.head.weight"}}',
    '{"format": 1, "config_sha256": "\\u001b[31m"}',
    '{"format": 1, "config_sha256": {}}',
    "[" * 100_000,
    '{"a":' * 5000,
    "NaN",
    '{"format": 1, "format": 1}',
    "\ud800",
    "\x00",
)


def taken_apart(content: bytes) -> tuple[Any, bytes]:
    """The header as a tree, and the tensors' bytes."""
    length = int.from_bytes(content[:8], "little")
    return tree(json.loads(content[8 : 8 + length])), content[8 + length :]


def put_together(header: str, payload: bytes, length: int | None = None) -> bytes:
    """A file with this header, whose length may be a lie."""
    text = header.encode("utf-8", "surrogatepass")
    return (len(text) if length is None else length).to_bytes(8, "little") + text + payload


@st.composite
def damaged_files(draw: st.DrawFn, sound: bytes) -> bytes:
    """A safetensors file whose header says something else, or whose length does."""
    header, payload = taken_apart(sound)
    header = draw(st.one_of(st.just(header), damaged(header), _lying(header)))
    text = written(header) + draw(st.sampled_from(("", "", "", " " * 8, "\x00", "}", "{}")))
    length = draw(
        st.sampled_from(
            (None,) * 6
            + (0, 1, 7, 8, 10**6, 100_000_000, 100_000_001, 2**31, 2**63, 2**64 - 1, len(text) - 1, len(text) + 1)
        )
    )
    cut = draw(st.sampled_from((None,) * 6 + (0, 1, len(payload) // 2, -1)))
    more = draw(st.sampled_from((b"",) * 6 + (b"\x00", b"x" * 1000, payload)))
    return put_together(text, payload[:cut] + more, length)


@st.composite
def _lying(draw: st.DrawFn, header: Table) -> Table:
    """The header with one to three tensors described otherwise, or with a strange entry of ours."""
    changed = Table([[name, Table([list(pair) for pair in entry])] for name, entry in header])
    tensors = [entry for name, entry in changed if name != "__metadata__"]
    for _ in range(draw(st.integers(1, 3))):
        entry = draw(st.sampled_from(tensors))
        what, choices = draw(st.sampled_from((("dtype", DTYPES), ("shape", SHAPES), ("data_offsets", OFFSETS))))
        new = tree(draw(st.sampled_from(choices)))
        for pair in entry:
            if pair[0] == what:
                pair[1] = new
    if draw(st.integers(0, 3)) == 0:
        said = draw(st.sampled_from((*ENTRIES, 1, None, Raw("{}"))))
        changed[:] = [pair for pair in changed if pair[0] != "__metadata__"]
        changed.insert(0, ["__metadata__", Table([["zoo_core", said]])])
    return changed
