"""Hostile registry.toml: a catalogue comes out or one clear line."""

from __future__ import annotations

import tomllib
from pathlib import Path

from hypothesis import strategies as st

from zoo_core.building.plan import plan
from zoo_core.registry.catalogue import core_source, read_catalogue

from .budget import Attack, rounds
from .json_trees import IMPORT_PATHS, PATHS, TERMINAL, torn
from .watch import Watch

OWN = """format = 1
[recipes.mine]
like = "vae-mlp"
summary = "mine"
[recipes.mine.parts.encoder]
name = "mlp"
params = { hidden = [6] }
[recipes.mine.shared]
latent_dim = { default = 4, sets = ["encoder.latent_dim", "decoder.latent_dim", "prior.latent_dim"], help = "width" }
[recipes.mine.objectives.elbo]
params = { beta = 2.0 }
[recipes.mine.on.digits]
"training.batch_size" = 32
[weights.mine-digits]
recipe = "mine"
path = "weights/mine"
licence = "mit"
summary = "trained"
files = { "config.json" = "0000000000000000000000000000000000000000000000000000000000000000" }
[weights.mine-hub]
recipe = "mine"
repo = "org/name"
commit = "0000000000000000000000000000000000000000"
[plugins]
zoo-mine = "zoo-mine"
"""


def quoted(text: str) -> str:
    """A TOML text, escaped only where TOML needs it not to end."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


VALUES = (
    *(quoted(text) for text in (*IMPORT_PATHS, *PATHS, *TERMINAL, "", "a" * 100_000, "mine", "vae")),
    "0",
    "-1",
    "2",
    "1" + "0" * 4000,
    "1" + "0" * 5000,
    "1e400",
    "0x" + "f" * 5000,
    "[0x" + "f" * 5000 + "]",
    "nan",
    "inf",
    "-inf",
    "true",
    "0x10",
    "1979-05-27",
    "1979-05-27T07:32:00Z",
    "07:32:00",
    "[]",
    "{}",
    "[[]]",
    "[1, 8, 8]",
    "[1e9, 1, 1]",
    "[1, 8, 99999]",
    '["encoder.latent_dim"]',
    '[1, "a"]',
    '{ name = "os:system" }',
    "{ a = { a = { a = 1 } } }",
    "[" * 50 + "]" * 50,
    "[" * 3000 + "]" * 3000,
    "{ a = " * 500 + "1" + " }" * 500,
    '"""\na\n"""',
    "'''\x1b'''",
    '"\\u001b[31m"',
    '"\\ud800"',
    '"\\U00110000"',
    "",
    "= =",
    "[" + "1," * 20_000 + "]",
    '"\\u2028"',
)
LINES = (
    "[recipes.mine]",
    "[recipes.mine.parts.encoder]",
    "[recipes.other]",
    'like = "mine"',
    'like = "other"',
    'like = "vae-mlp"',
    "[weights.mine-hub]",
    "[[recipes]]",
    "[recipes]",
    "recipes = 1",
    "format = 1",
    "format = 99",
    "[recipes.vae]",
    '["recipes"."\\u001b[31m"]',
    "[a.b.c.d.e.f.g.h]",
    "[" + "a." * 2000 + "a]",
    "\x1b[31m",
    "#" * 100_000,
    "x" * 100_000 + " = 1",
    '"" = 1',
    '"../x" = 1',
    "[recipes.mine.training]",
    "players = 1",
    "[recipes.mine.parts]",
    "encoder = 1",
    "[recipes.mine.parts.training]",
    'kind = "sampler"',
    'path = "../../x"',
    'path = "/etc"',
    'repo = ".."',
    'trainable = "yes"',
    "[recipes.mine.parts.__class__]",
    "[plugins]",
    'zoo-x = "git+https://x; rm -rf /"',
    "[recipes.mine.training" + ".a" * 3000 + "]",
    "\t\r",
    "\ufeff",
)


@st.composite
def damaged_catalogues(draw: st.DrawFn, sound: str) -> str:
    """The file with one to three lines replaced, removed, added, repeated, moved, or with another value."""
    lines = sound.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        i = draw(st.integers(0, len(lines) - 1))
        way = draw(st.sampled_from(("value", "value", "value", "replace", "remove", "add", "repeat", "move", "key")))
        key, equals, value = lines[i].partition(" = ")
        if way == "value":
            new = draw(st.one_of(st.sampled_from(VALUES), st.text(max_size=8)))
            lines[i] = f"{key}{equals or ' = '}{new}"
        elif way == "key":
            lines[i] = f"{draw(st.one_of(st.sampled_from(VALUES), st.text(max_size=8)))} = {value}"
        elif way == "replace":
            lines[i] = draw(st.sampled_from(LINES))
        elif way == "add":
            lines.insert(i, draw(st.sampled_from(LINES)))
        elif way == "repeat":
            lines[i:i] = [lines[i]] * draw(st.sampled_from((1, 1000)))
        elif way == "move":
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(i))
        elif len(lines) > 1:
            del lines[i]
    return "\n".join(lines) + "\n"


def judge(watch: Watch, path: Path, content: str | bytes) -> None:
    """Read it as the file of $ZOO_REGISTRY, as a plugin's and as the core's, and plan its recipes."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    watch.judge(lambda: plan(read_catalogue(core_source(), extra=path).recipe("mine"), {}, data="digits"))
    problems: dict[str, str] = {}
    watch.judge(lambda: problems.update(read_catalogue(core_source(), [("zoo-mine", path)]).problems))
    for told in problems.values():
        assert told.splitlines() == [told] and len(told) < 4000


def test_the_sound_catalogue_is_read(watch: Watch, ground: Path) -> None:
    judge(watch, ground / "registry.toml", OWN)
    assert read_catalogue(core_source(), extra=ground / "registry.toml").recipe("mine").summary == "mine"
    assert tomllib.loads(OWN)["format"] == 1


def test_any_value_as_the_format_or_a_recipe(watch: Watch, ground: Path) -> None:
    for value in VALUES:
        judge(watch, ground / "registry.toml", OWN.replace("format = 1", f"format = {value}"))
        judge(watch, ground / "registry.toml", OWN.replace('like = "vae-mlp"', f"like = {value}"))
        judge(watch, ground / "registry.toml", OWN.replace("params = { beta = 2.0 }", f"params = {{ beta = {value} }}"))


def test_any_line_at_the_end(watch: Watch, ground: Path) -> None:
    for line in LINES:
        judge(watch, ground / "registry.toml", f"{OWN}{line}\n")


@rounds
def test_a_catalogue_with_anything_in_any_line(round: int, watch: Watch, ground: Path, attack: Attack) -> None:
    path = ground / "registry.toml"
    attack(150, damaged_catalogues(OWN), lambda text: judge(watch, path, text))


@rounds
def test_a_catalogue_torn_and_patched(round: int, watch: Watch, ground: Path, attack: Attack) -> None:
    path = ground / "registry.toml"
    attack(80, torn(OWN.encode()), lambda content: judge(watch, path, content))
